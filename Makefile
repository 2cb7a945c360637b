# make test                 set up and run the tests
# make demo                 set up, train the demo's sweep on the embedded world, write its page
# make demo VIDEOS=DIR      the same on a folder of videos of your own

PYTHON ?= python3
PY := .venv/bin/python
NAME := $(if $(VIDEOS),$(notdir $(abspath $(VIDEOS))),demo)
ROOT := runs/$(NAME)
DATA := $(if $(VIDEOS),$(ROOT)/data)
ARG := $(if $(VIDEOS),:videos=$(DATA))
SWEEP := --sweep sweeps/demo.py$(ARG) --root $(ROOT) \
	--set autoencoder.dir=$(ROOT)/autoencoder --set cache=$(ROOT)/latents

.PHONY: demo test

demo: .venv/installed
ifdef VIDEOS
	$(PY) -m vdit.prepare --videos $(VIDEOS) --out $(DATA) --frames 9 --size 32 --tile auto
endif
	$(PY) -m vdit.main --config experiments/autoencoder.py$(ARG) --workdir $(ROOT)/autoencoder
	$(PY) -m sweeps.launch $(SWEEP) --hold_out
	$(PY) -m analysis.collect --root $(ROOT) --out $(ROOT)/results.csv
	$(PY) -m analysis.predict $(ROOT)/results.csv --factor 2 --out $(ROOT)/prediction.json
	$(PY) -m sweeps.launch $(SWEEP)
	$(PY) -m analysis.collect --root $(ROOT) --out $(ROOT)/results.csv
	$(PY) -m analysis.fit $(ROOT)/results.csv --out $(ROOT)/fit.json
	$(PY) -m analysis.report $(ROOT)/results.csv --out $(ROOT)/report.html

test: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(PY) -m pytest --numprocesses auto --dist loadfile

.venv/installed: setup.py constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@
