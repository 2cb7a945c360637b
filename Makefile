# make test                 set up and run the tests
# make demo                 set up, train the demo's sweep on the embedded world, write its page
# make demo VIDEOS=DIR      the same on a folder of videos of your own

PYTHON ?= python3
PY := .venv/bin/python
# A folder of any name: what make would read in it stays as it is (`value`, `unexport`), what the
# shell would is quoted, and its run's name has plain letters alone.
unexport VIDEOS
FOLDER := '$(subst ','\'',$(value VIDEOS))'
PLAIN := LC_ALL=C tr -c 'A-Za-z0-9.\n_-' _
NAME := $(if $(value VIDEOS),$(shell cd -- $(FOLDER) && basename "$$PWD" | $(PLAIN)),demo)
ROOT := runs/$(NAME)
DATA := $(if $(value VIDEOS),$(ROOT)/data)
ARG := $(if $(DATA),:videos=$(DATA))
SWEEP := --sweep sweeps/demo.py$(ARG) --root $(ROOT) \
	--set autoencoder.dir=$(ROOT)/autoencoder --set cache=$(ROOT)/latents

.PHONY: demo test

demo: .venv/installed
ifdef VIDEOS
	$(PY) -m vdit.prepare --videos $(FOLDER) --out $(DATA) --frames 9 --size 32 --tile auto
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
	$(PY) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.venv/installed: setup.py constraints.txt
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --constraint constraints.txt --editable ".[test]"
	touch $@
