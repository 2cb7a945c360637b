# make test                 set up and run the tests
# make demo                 set up, train the demo's sweep on the embedded world, write its page
# make demo VIDEOS=DIR      the same on a folder of videos of your own
# make smoke                set up what the demo needs, and run the main commands once, on tiny runs
# make docs                 set up what the pages of docs/ need, and build them into site/
# make … PYTHON=python3.12  with another Python: each version has an environment of its own

PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ifeq ($(VERSION),)
$(error PYTHON=$(PYTHON) does not run: expected a Python of 3.11 to 3.13)
endif
VENV := $(if $(filter 3.11,$(VERSION)),.venv,.venv-$(VERSION))
PINS := $(if $(filter 3.11,$(VERSION)),constraints.txt,constraints-newest.txt)
PY := $(VENV)/bin/python
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
LONGER := $(if $(DATA),,--longer analysis/results/long/results.csv)

.PHONY: demo test smoke docs

demo: $(VENV)/installed
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
	$(PY) -m analysis.report $(ROOT)/results.csv --out $(ROOT)/report.html $(LONGER)

test: $(VENV)/installed-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PY) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

smoke: $(VENV)/installed
	.ci/smoke $(PY)

docs: $(VENV)/installed-docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

$(VENV)/installed-test: EXTRA := [test]
$(VENV)/installed-docs: EXTRA := [docs]
$(VENV)/installed $(VENV)/installed-test $(VENV)/installed-docs: setup.py $(PINS)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --constraint $(PINS) --editable ".$(EXTRA)"
	touch $(VENV)/installed $@
