"""Python imports this at start where the folder is on PYTHONPATH: it puts stand-ins in place."""

import sys
import types

from tests.stand_in.functions import STAND_INS

for name, functions in STAND_INS.items():
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(functions)
