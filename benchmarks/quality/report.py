"""The measurements as tables and a plot."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from pathlib import Path

from benchmarks.quality.losses import STYLE_WEIGHT
from benchmarks.quality.results import Entry, Results
from benchmarks.quality.stylizers import BenchmarkStylizer

Row = list[str]


def report(results: Results, stylizers: list[BenchmarkStylizer], styles: list[str], folder: Path) -> None:
    """Write table.md and descents.png to the folder, and print the tables."""
    text = "\n\n".join(
        section for section in (_losses(results, stylizers, styles), _stability(results, stylizers, styles)) if section
    )
    times = [(s.name, entry["ms"]) for s in stylizers for entry in list(results.of(what="time", by=s.digest))[-1:]]
    if times:
        text += "\n\n" + _table(["640x480", "ms a frame"], [[name, f"{ms:.1f}"] for name, ms in times])
    (folder / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    _plot(results, stylizers[0], folder / "descents.png")


def _losses(results: Results, stylizers: list[BenchmarkStylizer], styles: list[str]) -> str:
    """Return a table with a row per painting: our losses, those of the others, and Gatys' iterations."""
    ours, others = stylizers[0], stylizers[1:]
    head = ["painting", "content", "style", "tone", "palette", "Gatys' iterations"]
    head += [f"{other.name}: content, style, iterations" for other in others]
    rows: list[Row] = []
    iterations: dict[str, list[float]] = {s.digest: [] for s in stylizers}
    for style in styles:
        found = list(results.of(what="losses", by=ours.digest, style=style))
        counts = _counts(results, stylizers, style)
        if not found and not counts[ours.digest]:
            continue
        for digest, photo_counts in counts.items():
            iterations[digest] += photo_counts
        row = [style, *(f"{_mean(found, t):.3f}" if found else "" for t in ("content", "style", "tone", "palette"))]
        row.append(_count(counts[ours.digest]))
        for other in others:
            theirs = list(results.of(what="losses", by=other.digest, style=style))
            losses = [f"{_mean(theirs, term):.3f}" for term in ("content", "style")] if theirs else []
            row.append(", ".join([*losses, *filter(None, [_count(counts[other.digest])])]))
        rows.append(row)
    if rows:
        rows.append(["all, median", *_medians(rows, 1, 4), *(_count(iterations[s.digest]) for s in stylizers)])
    return _table(head, rows) if rows else ""


def _stability(results: Results, stylizers: list[BenchmarkStylizer], styles: list[str]) -> str:
    """Return a table with a row per painting: frame differences as multiples of those of the source."""
    videos = sorted({entry["key"]["film"] for entry in results.of(what="warping", by=stylizers[0].digest)})
    head = ["painting", *(f"{video}, {s.name}" for video in videos for s in stylizers)]
    head += [f"camera noise, {s.name}" for s in stylizers]
    rows = []
    for style in styles:
        row = [style]
        for video in videos:
            row += [_ratio(results.of(what="warping", by=s.digest, style=style, film=video)) for s in stylizers]
        row += [_ratio(results.of(what="noise", by=s.digest, style=style)) for s in stylizers]
        if any(row[1:]):
            rows.append(row)
    if rows:
        rows.append(["all, median", *_medians(rows, 1, len(head) - 1)])
    return _table(head, rows) if rows else ""


def _counts(results: Results, stylizers: list[BenchmarkStylizer], style: str) -> dict[str, list[float]]:
    """Return Gatys' iterations by digest, on the photos that are measured for every network that has any."""
    found = {
        s.digest: {e["key"]["photo"]: _iterations(e) for e in results.of(what="gatys", by=s.digest, style=style)}
        for s in stylizers
    }
    common = set.intersection(*(set(one) for one in found.values() if one)) if any(found.values()) else set()
    return {digest: [count for photo, count in one.items() if photo in common] for digest, one in found.items()}


def _iterations(entry: Entry) -> float:
    return math.inf if entry["equivalent"] is None else float(entry["equivalent"])


def _count(values: list[float]) -> str:
    """Return the median as a cell of the table."""
    if not values:
        return ""
    middle = statistics.median_low(values)
    return "not reached" if middle == math.inf else f"{middle:.0f}"


def _mean(entries: list[Entry], term: str) -> float:
    return statistics.mean(float(entry[term]) for entry in entries)


def _ratio(entries: Iterable[Entry]) -> str:
    ratios = [entry["painted"] / entry["source"] for entry in entries]
    return f"{statistics.mean(ratios):.2f}" if ratios else ""


def _medians(rows: list[Row], first: int, count: int) -> Row:
    columns = [[float(row[i]) for row in rows if row[i]] for i in range(first, first + count)]
    return [f"{statistics.median(column):.2f}" if column else "" for column in columns]


def _table(head: Row, rows: list[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _plot(results: Results, ours: BenchmarkStylizer, path: Path) -> None:
    """Plot the total loss over Gatys' iterations, one line per painting, with a dot at the loss of our network."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    descents = [entry for entry in results.of(what="descent") if entry["key"]["style"] in ours.styles]
    if not descents:
        return
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for number, style in enumerate(ours.styles):
        own = [entry for entry in descents if entry["key"]["style"] == style]
        if not own:
            continue
        length = min(len(entry["number"]) for entry in own)
        totals = [
            statistics.median(entry["content"][i] + STYLE_WEIGHT * entry["style"][i] for entry in own)
            for i in range(length)
        ]
        (line,) = axes.plot(own[0]["number"][:length], totals, label=style, color=plt.cm.tab20(number % 20), lw=1.2)
        measured = list(results.of(what="gatys", by=ours.digest, style=style))
        if measured:
            level = statistics.median(entry["content"] + STYLE_WEIGHT * entry["style"] for entry in measured)
            index = next((i for i, total in enumerate(totals) if total <= level), length - 1)
            axes.plot(own[0]["number"][index], level, "o", color=line.get_color())
    axes.set(yscale="log", xlabel="iterations of L-BFGS", ylabel=f"content + {STYLE_WEIGHT:g} style")
    axes.legend(fontsize=7, ncol=2)
    figure.savefig(str(path), dpi=110)
