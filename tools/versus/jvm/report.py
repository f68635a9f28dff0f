"""The report of `jvm/run`: the form of `versus --json`, and its Markdown."""

import statistics


def row(label, how, threads):
    """A contender without figures yet."""
    figures = [{"name": name, "rounds": []} for name in ["M events/s", "CPU ns/event"]]
    return {"label": label, "how": how, "threads": threads, "figures": figures}


def add(row, events, found):
    """What a turn in a Java virtual machine found."""
    speed, cpu = row["figures"]
    speed["rounds"].append(events * 1e3 / found["elapsed_ns"])
    cpu["rounds"].append(found["cpu_ns"] / events)


def take(rows, found):
    """What a turn of versus found, for a row of `rows` by label."""
    kept = rows.setdefault(found["label"], row(found["label"], found["how"], found["threads"]))
    theirs = {figure["name"]: figure["rounds"] for figure in found["figures"]}
    for figure in kept["figures"]:
        figure["rounds"] += theirs[figure["name"]]


def case(case, theirs, rows, hiccups):
    """All rounds of a case. Each JVM row also says how many times as fast the best row of versus is."""
    for figure in [figure for row in theirs + rows for figure in row["figures"]]:
        figure["median"] = statistics.median(figure["rounds"])
        figure["min"], figure["max"] = min(figure["rounds"]), max(figure["rounds"])
    for row in rows:
        best = max(theirs, key=lambda it: median(it) if start(it) == start(row) else 0, default=None)
        if best and start(best) == start(row):
            row["behind"] = {"label": best["label"], "times": median(best) / median(row)}
    return {
        "name": case["name"],
        "work": f"{case['input']['events']} events, made before the clock starts; all answered "
        f"{case['expected']['results']} results with digest {case['expected']['digest']:016x}.",
        "rows": theirs + rows,
        "hiccups_ns": hiccups,
    }


def median(row):
    return row["figures"][0]["median"]


def start(row):
    """`growing` or `presized`."""
    return row["label"].split()[-1]


def markdown(run):
    machine = run["machine"]
    lines = [
        "# Millstream beside peers in a Java virtual machine",
        "",
        f"`{run['command']}`, millstream {run['millstream']}; {'; '.join(run['jvm'].values())}",
        "",
        f"{machine['cpu_model']}, {machine['cpus_allowed']} CPUs{' (virtual)' if machine['virtualised'] else ''}, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, huge pages {machine['huge_pages']}, Linux {machine['kernel']}; "
        f"load average before the first turn of versus {machine['load_average']}; {run['rounds']} "
        "interleaved rounds, each turn in a process of its own; those of the JVM do all of it once before the clock "
        "starts; median (min–max).",
    ]
    for case in run["cases"]:
        lines += ["", f"## {case['name']}", "", case["work"], ""]
        lines += table(case["rows"])
        lines += ["", hiccups(case["hiccups_ns"])]
    for line in run["left_out"]:
        lines += ["", line]
    return "\n".join(lines) + "\n"


def table(rows):
    header = ["contender", "threads", *[figure["name"] for figure in rows[0]["figures"]], "best of versus is faster by"]
    cells = [header, *[cells_of(row) for row in rows]]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    return ["| " + " | ".join(padded(line, widths)) + " |" for line in [header, rule, *cells[1:]]]


def padded(line, widths):
    return [line[0].ljust(widths[0]), *[cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]]


def cells_of(row):
    behind = row.get("behind")
    times = f"{number(behind['times'])} × ({behind['label'].split()[0]})" if behind else "–"
    return [row["label"], str(row["threads"]), *[cell(figure) for figure in row["figures"]], times]


def cell(figure):
    middle = number(figure["median"])
    if len(figure["rounds"]) < 2:
        return middle
    return f"{middle} ({number(figure['min'])}–{number(figure['max'])})"


def number(value):
    """Three digits, or more where they stand before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def hiccups(rounds):
    found = []
    for name, field in [("p99", "p99"), ("p99.9", "p99_9"), ("p99.99", "p99_99"), ("max", "max")]:
        values = [percentiles[field] / 1e3 for percentiles in rounds if percentiles.get(field) is not None]
        if values:
            middle = statistics.median(values)
            found.append(f"{name} {cell({'rounds': values, 'median': middle, 'min': min(values), 'max': max(values)})}")
    return f"Hiccups of the machine, µs: {', '.join(found)}."
