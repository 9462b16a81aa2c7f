# SPDX-License-Identifier: Apache-2.0
"""What the bench says: sections and tables in Markdown, printed at once and kept for a page."""
import statistics


def spread(values, digits=1):
    """Median, least and most."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return (f"{statistics.median(values):.{digits}f} "
            f"({min(values):.{digits}f}-{max(values):.{digits}f})")


class Report:
    def __init__(self, out=print):
        self.lines = []
        self.wrong = []         # what was lost or miscounted
        self.out = out
        self.widths = []

    def say(self, *lines):
        for line in lines:
            self.lines.append(line)
            self.out(line, flush=True)

    def section(self, title, *text):
        self.say("", f"## {title}", "", *text)

    def table(self, *header):
        self.widths = [max(len(name), 6) for name in header]
        self.say("")
        self.row(*header)
        self.row(*("-" * width for width in self.widths))

    def row(self, *cells):
        padded = (str(cell).ljust(width) for cell, width in zip(cells, self.widths))
        self.say("| " + " | ".join(padded) + " |")

    def fail(self, what, wrong):
        """Something is not exact: it is said, counted, and no figure is given."""
        self.wrong += [f"{what}: {text}" for text in wrong]
