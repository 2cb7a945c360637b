"""How a run ended, in the words of Slurm, Weights & Biases, Ray and people.

Slurm: the job states of `sacct` (slurm.schedmd.com/job_state_codes.html), which cuts them to ten
letters and a "+". W&B: the states of a run. Ray: the status of a trial.
"""

import re

import numpy as np
import pandas as pd

from analysis.table import names

WORDS = {
    "finished": "finished completed complete completing terminated done success succeeded ok ended",
    "diverged": "diverged nan inf exploded",
    "failed": "failed crashed error errored oom out_of_memory node_fail boot_fail launch_failed "
    "reconfig_fail special_exit",
    "unfinished": "unfinished running pending queued waiting paused starting configuring killed "
    "cancelled canceled revoked timeout deadline preempted preempting suspended stopped "
    "stopping requeued requeue_hold requeue_fed resizing signaling stage_out updating",
}
# Columns that say by yes or no whether a run is in the state that they are called by.
FLAGS = "finished completed complete done succeeded success failed crashed errored diverged "
FLAGS = (FLAGS + "exploded running killed cancelled canceled preempted unfinished").split()
KNOWN = {word: reason for reason, words in WORDS.items() for word in words.split()}
YES = {
    **dict.fromkeys(("true", "yes", "y", "t", "1", "1.0"), True),
    **dict.fromkeys(("false", "no", "n", "f", "0", "0.0"), False),
}
ENDED = YES | {"done": True, "finished": True, "complete": True}
ENDED |= {"unfinished": False, "incomplete": False}


def columns(table: pd.DataFrame) -> list[str]:
    """The columns that say how runs ended."""
    return [c for c in table.columns if names.plain(c) in names.STATES or _is_flag(table[c])]


def _is_flag(said):
    """Whether a column is called by a state, and holds yes and no or states: not times, say."""
    if _flag(said.name) is None:
        return False
    if pd.api.types.is_numeric_dtype(said):
        return bool(said.notna().any() and said.dropna().isin((0, 1)).all())
    return bool(reasons(said).isin(WORDS).any())


def _flag(column):
    """The state that a column such as `finished` or "Is Finished" is called by, or None."""
    word = re.sub(r"^(is|has|was)_", "", names.plain(column))
    return word if word in FLAGS else None


def reasons(said: pd.Series) -> pd.Series:
    """Of each row "finished", "diverged", "failed", "unfinished", "unknown"; "" where it is blank.

    "CANCELLED by 1000" is CANCELLED, and "OUT_OF_ME+" OUT_OF_MEMORY; "no" in a column `finished` is
    unfinished.
    """
    flag = _flag(said.name)
    known = {word: _reason(word, flag) for word in said.dropna().unique()}
    return said.map(known).astype(object).fillna("")


def _reason(said, flag):
    """Of a cell; a column called by a state (`flag`) may say yes or no to it."""
    if flag and (is_so := YES.get(str(said).strip().lower())) is not None:
        other = "unfinished" if KNOWN[flag] == "finished" else "finished"
        return KNOWN[flag] if is_so else other
    word, *_ = str(said).lower().split() or [""]
    word = word.replace("-", "_")
    if word.endswith("+"):
        word = next((known for known in KNOWN if known.startswith(word[:-1])), word)
    return KNOWN.get(word, "unknown" if word else "")


def unknown(table: pd.DataFrame) -> list[str]:
    """A line for each column of states on the words in it that are not known; their rows stay."""
    found = []
    for column in columns(table):
        said = table[column][reasons(table[column]) == "unknown"]
        if len(said):
            words = ", ".join(repr(word) for word in said.unique()[:5])
            found.append(f"{column} of {len(said)} rows is {words}, no state that is known: kept")
    return found


def annealed(said: pd.Series) -> np.ndarray:
    """(R,) False where the schedule had not ended, by yes and no in any words; blank is yes.

    Raises `ValueError` with the first word that is neither.
    """
    known = {word: ENDED.get(str(word).strip().lower()) for word in said.dropna().unique()}
    odd = [word for word, ended in known.items() if ended is None]
    if odd:
        raise ValueError(odd[0])
    return said.map(known).fillna(True).to_numpy(bool)
