# SPDX-License-Identifier: Apache-2.0
"""The single figures of the bench: memory of a flow, cost with many flows, two workers, export, a
flood, start-up and the live run. Each function makes what it needs, runs it and adds to the report.
"""
import statistics
from pathlib import Path

import live
import runs
import workloads
from report import spread

OFF = workloads.SETTINGS["off"]
SLICED = ("-d", "off", "-t", "20ms", "--direction", "first")
ROOT = Path(__file__).resolve().parents[2]
median = statistics.median


def made_of(context, name):
    workload = workloads.WORKLOADS.get(name) or workloads.EXTRA[name]
    return context.make(workload)


def in_turn(context, what, count, **kinds):
    """Runs each kind in turn, `count` times, forth and back, so that none always comes behind the
    same other; {kind: runs}, or None if one was not exact."""
    done = {name: [] for name in kinds}
    for number in range(count):
        for name, run in list(kinds.items())[::-1 if number % 2 else 1]:
            done[name].append(run())
            context.progress(f"{what} {number + 1}: {name} {done[name][-1].ns:.1f} ns/packet")
    wrong = sorted({text for each in done.values() for run in each for text in run.wrong})
    if wrong:
        context.report.fail(what, wrong)
        return None
    return done


def memory(context):
    """Most memory at once, as the slope between a million and four million flows."""
    report = context.report
    report.section("Memory of a flow",
                   "Most memory resident at once, from file to IPFIX over UDP, default settings; "
                   "octets per flow are the slope between the two.")
    report.table("", "flows", "MiB", "flows ", "MiB ", "octets per flow")
    for family, few, many in (("IPv4", "u1m", "u4m"), ("IPv6", "v6", "v6-4m")):
        few, many = made_of(context, few), made_of(context, many)
        done = in_turn(context, f"memory {family}", min(context.runs(few), 3),
                       few=lambda made=few: runs.run_weir(context.bench, made, ()),
                       many=lambda made=many: runs.run_weir(context.bench, made, ()))
        if not done:
            report.row(family, "not exact")
            continue
        less, more = (median(run.used.rss_bytes for run in done[name]) for name in ("few", "many"))
        slope = (more - less) / (many.flows - few.flows)
        report.row(family, f"{few.flows:,}", f"{less / 2**20:.1f}", f"{many.flows:,}",
                   f"{more / 2**20:.1f}", f"{slope:.1f}")


def large_pages(context):
    """The floor once more with 2 MB pages, which the table of weir has, too."""
    report = context.report
    report.section("The floor with large pages", "Its table in pages of 2 MB instead of 4 kB; ns "
                   "per packet, for comparison only.")
    report.table("workload", "first pass", "steady")
    for name in context.options.workloads:
        made = made_of(context, name)
        done = in_turn(context, f"large pages {name}", min(context.runs(made), 3),
                       floor=lambda made=made: runs.run_floor(context.bench, made, huge=True))
        if not done:
            report.row(name, "not exact")
            continue
        report.row(name, spread([runs.first_pass_ns(run) for run in done["floor"]]),
                   spread([run.sums["last_pass_ns"] for run in done["floor"]]))


def many_flows(context):
    report = context.report
    report.section("Sixteen million flows", "Timers off, direction by the first packet; ns per "
                   "packet, user and system.")
    report.table("u4m", "u16m", "u16m / u4m", "flows of u16m", "MiB at u16m")
    few, many = made_of(context, "u4m"), made_of(context, "u16m")
    done = in_turn(context, "u16m", min(context.runs(many), 3),
                   u4m=lambda: runs.run_weir(context.bench, few, OFF),
                   u16m=lambda: runs.run_weir(context.bench, many, OFF))
    if not done:
        report.row("not exact")
        return
    few_ns, many_ns = ([run.ns for run in done[name]] for name in ("u4m", "u16m"))
    rss = max(run.used.rss_bytes for run in done["u16m"])
    report.row(spread(few_ns), spread(many_ns), f"{median(many_ns) / median(few_ns):.2f}",
               f"{many.flows:,}", f"{rss / 2**20:.0f}")


def workers(context):
    report = context.report
    report.section("Two workers", "u1m from the file, wall time in seconds, timers off, direction "
                   "by the first packet. `null:` counts records and drops them.")
    report.table("output", "one worker", "two workers", "times as fast")
    made = made_of(context, "u1m")
    path = context.bench.scratch / "workers.ipfix"
    for output in ("null:", f"ipfix:{path}"):
        def run(number, output=output):
            path.unlink(missing_ok=True)
            return runs.run_weir_to(context.bench, made, (*OFF, "-j", number), output)
        done = in_turn(context, "workers", context.runs(made), one=lambda: run(1),
                       two=lambda: run(2))
        name = output.split(":")[0] + ":"
        if not done:
            report.row(name, "not exact")
            continue
        one, two = ([run.used.wall for run in done[name]] for name in ("one", "two"))
        report.row(name, spread(one, 2), spread(two, 2), f"{median(one) / median(two):.2f}")
    path.unlink(missing_ok=True)


def file_run(context, made, settings, sliced):
    """A run into an IPFIX file, whose sums are read back."""
    path = context.bench.scratch / "export.ipfix"
    path.unlink(missing_ok=True)
    run = runs.run_weir_to(context.bench, made, settings, f"ipfix:{path}")
    if not run.wrong:
        _, printed = context.bench.measure([context.bench.tools / "bench_sink", "-f", path])
        run.wrong = runs.sums_wrong(made, workloads.numbers(printed),
                                    run.stats["records"] if sliced else None)
    path.unlink(missing_ok=True)
    return run


def per_record(done, kind, part, of_many):
    """ns that runs of a kind need more than those without output, for each record."""
    more, less = (of_many(getattr(run.used, part) for run in done[which])
                  for which in (kind, "null"))
    return (more - less) / done[kind][0].stats["records"] * 1e9


def export(context):
    report = context.report
    report.section("Export", "ns per record: processor time of runs with the output less that of "
                   "runs with `-o null:`, divided by the records; medians of runs in turn, and in "
                   "parentheses the same of the least of them. What of it is system time stands "
                   "beside it. u10k is cut into many records by an active timeout of 20 ms: its "
                   "table is small, so that memory disturbs the difference least.")
    report.table("workload", "records", "runs", "UDP", "UDP, system", "file", "file, system")
    for name in ("u4m", "churn", "u10k"):
        made, sliced = made_of(context, name), name == "u10k"
        settings = SLICED if sliced else workloads.settings_of(made.workload, "off")
        done = in_turn(
            context, f"export {name}", context.runs(made),
            null=lambda: runs.run_weir_to(context.bench, made, settings, "null:"),
            udp=lambda: runs.run_weir(context.bench, made, settings, sliced=sliced),
            file=lambda: file_run(context, made, settings, sliced))
        if not done:
            report.row(name, "not exact")
            continue
        cells = []
        for kind in ("udp", "file"):
            for part in ("cpu", "system"):
                cells.append(f"{per_record(done, kind, part, median):.1f} "
                             f"({per_record(done, kind, part, min):.1f})")
        report.row(name, f"{done['udp'][0].stats['records']:,}", len(done["null"]), *cells)


def flood(context):
    report = context.report
    report.section("Flood", "Every packet a flow of its own, into a table of at most a million "
                   "flows (`-m 1000000`), against u4m without a bound; default settings, ns per "
                   "packet.")
    report.table("u4m", "flood", "flood / u4m", "MiB", "records")
    few, many = made_of(context, "u4m"), made_of(context, "flood")

    done = in_turn(context, "flood", min(context.runs(many), 3),
                   u4m=lambda: runs.run_weir(context.bench, few, ()),
                   flood=lambda: runs.run_weir(context.bench, many, ("-m", "1000000"), sliced=True))
    if not done:
        report.row("not exact")
        return
    few_ns, many_ns = ([run.ns for run in done[name]] for name in ("u4m", "flood"))
    rss = max(run.used.rss_bytes for run in done["flood"])
    report.row(spread(few_ns), spread(many_ns), f"{median(many_ns) / median(few_ns):.2f}",
               f"{rss / 2**20:.0f}", f"{done['flood'][0].sums['records']:,}")


def start_up(context):
    report = context.report
    report.section("Start-up", "Most memory resident at once and processor time of `weir meter` on "
                   "a capture of 20 packets.")
    report.table("output", "MiB", "user and system ms")
    small, path = ROOT / "share/captures/ntp.pcap", context.bench.scratch / "small.ipfix"
    sink = runs.Sink(context.bench)
    for name, output in (("ipfix:", f"ipfix:{path}"),
                         ("ipfix+udp:", f"ipfix+udp://127.0.0.1:{sink.port}"), ("null:", "null:")):
        path.unlink(missing_ok=True)
        used = [context.bench.measure([context.bench.weir, "meter", "-q", "-r", small, "-o",
                                       output])[0] for _ in range(5)]
        if any(each.status for each in used):
            report.fail("start-up", [f"weir ended with status {used[0].status}"])
        report.row(name, f"{median(each.rss_bytes for each in used) / 2**20:.1f}",
                   f"{median(each.cpu for each in used) * 1e3:.1f}")
    sink.close()
    path.unlink(missing_ok=True)


def live_run(context):
    report, options = context.report, context.options
    report.section("Live", "Frames of 60 octets over a virtual cable, 10 k flows, weir exporting "
                   "to the sink in its own namespace, default settings.")
    reason = live.why_not()
    if reason:
        report.say("", f"No live run: {reason}.")
        return
    found = live.run(context.bench, options.rate, options.seconds)
    report.table("asked for", "sent by", "sent", "at the interface", "metered", "kernel drops",
                 "user ns per packet", "system ns per packet")
    if found.wrong:
        report.fail("live", found.wrong)
    user, system = found.user_ns, found.system / max(found.metered, 1) * 1e9
    cells = ("not exact", "") if found.wrong else (f"{user:.1f}", f"{system:.1f}")
    report.row(f"{found.asked:,}/s", found.by, f"{found.sent:,}", f"{found.arrived:,}",
               f"{found.metered:,}", f"{found.dropped:,}", *cells)
