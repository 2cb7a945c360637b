"""The bench's rows on a screen, and set beside the goals. No JAX here."""

from vdit.benchmark.cases import Case
from vdit.runs import tables

# Of a row, what a screen shows: its name, the title, how it is written.
SHOWN = {
    "case": ("case", "{}"),
    "attention": ("attention", "{}"),
    "remat": ("remat", "{}"),
    "batch": ("batch", "{}"),
    "step_ms": ("step ms", "{:.2f}"),
    "plan_ms": ("by plan", "{:.2f}"),
    "clips_per_s": ("clips/s", "{:.1f}"),
    "tflops_per_s": ("TFLOP/s", "{:.3f}"),
    "mfu": ("MFU", "{:.1%}"),
    "peak_mib": ("peak MiB", "{:.0f}"),
    "compile_s": ("compile s", "{:.1f}"),
    "data_wait": ("data wait", "{:.1%}"),
    "peer_step_ms": ("peer ms", "{:.2f}"),
    "ratio": ("ratio", "{:.2f}"),
    "ratio_least": ("least", "{:.2f}"),
    "ratio_most": ("most", "{:.2f}"),
}
WIDTH = 11


def line(row: dict, first: bool) -> str:
    """One row; in front of the first the titles, and the device."""
    often = {k for k in SHOWN if not k.startswith(("peer", "ratio", "plan"))}
    columns = {k: v for k, v in SHOWN.items() if k in often or k in row}
    values = "".join(
        (form.format(row[k]) if k in row else "-").rjust(WIDTH) for k, (_, form) in columns.items()
    )
    values += f"  {row['error']}" if "error" in row else ""
    if not first:
        return values
    machine = f"{row['num_devices']} x {row['device']}, JAX {row['jax_version']}"
    return f"{machine}\n{''.join(title.rjust(WIDTH) for title, _ in columns.values())}\n{values}"


def data_line(row: dict, first: bool) -> str:
    """One row of `--data`; in front of the first the titles, and the machine."""
    text = f"{row['what']:<30}{row['unit']:>7}{row['per_s']:>10.0f}{row['per_core_s']:>12.0f}"
    text += f"  {row['against']:<14}{row['against_per_s']:>9.0f}{row['ratio']:>8.2f}"
    if not first:
        return text
    titles = f"{'':<30}{'':>7}{'per s':>10}{'per core s':>12}  {'against':<14}{'per s':>9}"
    return (
        f"{row['cores']} cores, {row['device']}, JAX {row['jax_version']}\n{titles}   ratio\n{text}"
    )


def goals(cases: list[Case], rows: list[dict]) -> str:
    """The best of each goal's rows beside the goal and what was published, per device."""
    found = []
    for name, goal, published in dict.fromkeys((c.name, c.goal, c.published) for c in cases):
        ran = [row for row in rows if row["case"] == name and "clips_per_s" in row]
        best = max(ran, key=lambda row: row["clips_per_s"], default=None)
        each = best["clips_per_s"] / best["num_devices"] if best else None
        found.append(
            {
                "model": name,
                "clips/s": f"{each:.1f}" if best else "-",
                "MFU": f"{best['mfu']:.1%}" if best else "-",
                "batch": best["batch"] if best else "-",
                "remat": best["remat"] if best else "-",
                "goal": f"{goal:g}",
                "reached": "-" if not best else "yes" if each >= goal else f"{each / goal:.0%}",
                "published": published or "-",
            }
        )
    return tables.as_text(found)
