# SPDX-License-Identifier: GPL-2.0
"""Figures of make bench: from repetitions to a table, JSON and a page with plots.

Owns what a figure is (the lowest decile of its repetitions: what disturbs one of
them, such as a tick of the clock, adds to it and never takes away), what the ratio
and the spread (how far the median is above the figure) are, and how they look.
Knows nothing about how they came to be.
"""
import html
import json
import math
import os
import re
import statistics
import subprocess
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLOURS = {'stock': '#b3623b', 'ours': '#2a6f97'}


def number(value):
    """A figure with as many digits as are of use."""
    if value is None:
        return '-'
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    return '%.*f' % (digits, value)


class Row:
    """One line of the table: the repetitions for each kernel, and the clock they were taken by."""

    def __init__(self, name, unit, clock):
        self.name, self.unit, self.clock, self.values = name, unit, clock, {}

    def figure(self, kernel):
        """The figure of a kernel, or None."""
        values = self.values.get(kernel)
        if not values or len(values) == 1:
            return values[0] if values else None
        return statistics.quantiles(values, n=10, method='inclusive')[0]

    @property
    def ratio(self):
        """Stock to ours: more than 1 is in our favour."""
        stock, ours = self.figure('stock'), self.figure('ours')
        return stock / ours if stock is not None and ours else None

    @property
    def spread(self):
        """How far a median is above the figure at most, relative to it, or None without repetitions."""
        pairs = [(self.figure(kernel), statistics.median(values))
                 for kernel, values in self.values.items() if len(values) > 1]
        found = [(median - figure) / figure for figure, median in pairs if figure]
        return max(found) if found else None

    def cells(self):
        """The row as text."""
        unit = ' ' + self.unit if self.unit else ''
        stock, ours = (number(self.figure(k)) for k in ('stock', 'ours'))
        return [self.name, stock + unit, ours + unit, number(self.ratio) + ('x' if self.ratio else ''),
                '%.2f %%' % (100 * self.spread) if self.spread is not None else '-']


class Results:
    """All that was measured in one run."""

    def __init__(self):
        self.taken, self.failures, self.lock = {}, [], threading.Lock()

    @property
    def rows(self):
        """The rows in the order of the works, whichever ended first."""
        return [row for _, row in sorted(self.taken.values(), key=lambda pair: pair[0])]

    def add(self, work, kernel, taken, error):
        """Take what a work gave for a kernel; a failed work has no figures, only its error."""
        with self.lock:
            if error:
                self.failures.append('%s, %s: %s' % (work.name, kernel, error))
                return
            for name, value, unit in taken:
                place = work.place, sum(1 for p, _ in self.taken.values() if p[0] == work.place)
                _, row = self.taken.setdefault(name, (place, Row(name, unit, work.clock)))
                row.values.setdefault(kernel, []).append(value)

    def table(self):
        """The table as text."""
        lines = [['work', 'stock', 'ours', 'ratio', 'spread']] + [r.cells() for r in self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(5)]
        text = [line[0].ljust(widths[0]) + ''.join('  ' + c.rjust(w) for c, w in zip(line[1:], widths[1:]))
                for line in lines]
        return '\n'.join(text + ['%s: FAILED' % f.splitlines()[0] for f in self.failures])

    def as_json(self):
        """All of it, with what it takes to know what was measured."""
        with open(os.path.join(TOP, 'base/package')) as f:
            base = re.search(r'^version=(.*)$', f.read(), re.M).group(1)
        commit = subprocess.run(['git', '-C', TOP, 'describe', '--always', '--dirty'], stdout=subprocess.PIPE,
                                text=True).stdout.strip()
        return {'date': time.strftime('%Y-%m-%d'), 'base': base, 'commit': commit, 'failures': self.failures,
                'rows': [{'work': r.name, 'unit': r.unit, 'clock': r.clock, 'values': r.values,
                          'figures': {k: r.figure(k) for k in r.values}, 'ratio': r.ratio, 'spread': r.spread}
                         for r in self.rows]}

    def save(self, folder):
        """Write bench.txt, bench.json, the plots and index.html; return their names."""
        with self.lock:
            return self._save(folder)

    def _save(self, folder):
        os.makedirs(folder, exist_ok=True)
        plots = {'ratios.svg': ratios_plot(self.rows), 'growth.svg': growth_plot(self.rows)}
        files = {'bench.txt': self.table() + '\n', 'bench.json': json.dumps(self.as_json(), indent=1) + '\n',
                 'index.html': page(self, plots), **plots}
        for name, text in files.items():
            with open(os.path.join(folder, name), 'w') as f:
                f.write(text)
        return list(files)


# Drawing

def text_at(x, y, words, anchor='start', size=12, colour='#222'):
    """A piece of SVG text."""
    return '<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" fill="%s">%s</text>' % (
        x, y, anchor, size, colour, html.escape(words))


def svg(width, height, parts):
    """A whole SVG drawing on white."""
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
            'font-family="sans-serif"><rect width="100%%" height="100%%" fill="white"/>%s</svg>\n' % (
                width, height, width, height, '\n'.join(parts)))


def line_at(x1, y1, x2, y2, colour='#ddd', width=1):
    """A straight line."""
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%s"/>' % (
        x1, y1, x2, y2, colour, width)


def ratios_plot(rows):
    """Bars from 1 to the ratio of each timed row, on a logarithmic scale."""
    chosen = [r for r in rows if r.unit == 'ms' and r.ratio]
    left, right, step, top = 360, 60, 22, 50
    width, height = 900, top + step * len(chosen) + 20
    powers = [math.log10(r.ratio) for r in chosen] or [0]
    low, high = min(0, math.floor(min(powers))), max(1, math.ceil(max(powers)))

    def x_of(power):
        return left + (width - left - right) * (power - low) / (high - low)
    parts = [text_at(10, 22, 'How many times less time than stock (logarithmic; right of 1x is faster)', size=15)]
    for power in range(low, high + 1):
        parts.append(line_at(x_of(power), top - 8, x_of(power), height - 15, '#888' if not power else '#ddd'))
        parts.append(text_at(x_of(power), top - 12, '%gx' % 10 ** power, 'middle', 11, '#666'))
    for place, (row, power) in enumerate(zip(chosen, powers)):
        y, (a, b) = top + step * place, sorted((x_of(0), x_of(power)))
        parts.append(text_at(left - 8, y + 14, row.name, 'end'))
        parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>' % (
            a, y + 3, max(b - a, 1), step - 7, COLOURS['ours' if power >= 0 else 'stock']))
        parts.append(text_at(b + 5, y + 14, number(row.ratio) + 'x', size=11))
    return svg(width, height, parts)


GROWTH = re.compile(r'^(\w+), per GiB of (\d+)$')


def growth_series(rows):
    """{operation: {kernel: [(GiB, ms per GiB)]}}."""
    found = {}
    for row in rows:
        match = GROWTH.match(row.name)
        for kernel in row.values if match else ():
            points = found.setdefault(match.group(1), {}).setdefault(kernel, [])
            points.append((int(match.group(2)), row.figure(kernel)))
    return {name: {k: sorted(p) for k, p in kernels.items()} for name, kernels in found.items()}


def growth_plot(rows):
    """One small diagram for each operation: cost per GiB against size."""
    series = growth_series(rows)
    width, height, across = 900, 40 + 230 * math.ceil(len(series) / 2), 430
    parts = [text_at(10, 22, 'Milliseconds per GiB against the size of the DIMM', size=15)]
    for place, (name, kernels) in enumerate(series.items()):
        parts += small_diagram(20 + across * (place % 2), 50 + 230 * (place // 2), name, kernels)
    return svg(width, height, parts)


def small_diagram(x0, y0, name, kernels):
    """A diagram of 400 by 200 with its top left corner there."""
    sizes = sorted({size for points in kernels.values() for size, _ in points})
    top = max(value for points in kernels.values() for _, value in points) * 1.15 or 1
    left, bottom, wide, high = x0 + 50, y0 + 170, 320, 150

    def place(size, value):
        share = sizes.index(size) / max(len(sizes) - 1, 1)
        return left + wide * share, bottom - high * value / top
    parts = [text_at(left, y0 + 8, name, size=13), line_at(left, bottom, left + wide, bottom, '#888'),
             line_at(left, bottom, left, bottom - high, '#888')]
    for share in (0, 0.5, 1):
        parts.append(text_at(left - 6, bottom - high * share + 4, number(top * share), 'end', 10, '#666'))
    parts += [text_at(place(s, 0)[0], bottom + 15, '%d GiB' % s, 'middle', 10, '#666') for s in sizes]
    for kernel, points in kernels.items():
        path = ' '.join('%.1f,%.1f' % place(*point) for point in points)
        parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (path, COLOURS[kernel]))
        parts += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (*place(*p), COLOURS[kernel]) for p in points]
    ends = sorted((place(*points[-1])[1], kernel) for kernel, points in kernels.items())
    lowest = -math.inf
    for y, kernel in ends:  # names do not cover each other where lines meet
        lowest = max(y + 4, lowest + 12)
        parts.append(text_at(left + wide + 6, lowest, kernel, size=11, colour=COLOURS[kernel]))
    return parts


def page(results, plots):
    """The page: what was measured, the plots, the table."""
    about = results.as_json()
    rows = ''.join('<tr>%s</tr>' % ''.join('<td>%s</td>' % html.escape(c) for c in r.cells())
                   for r in results.rows)
    failed = ''.join('<p class="failed">FAILED: %s</p>' % html.escape(f) for f in results.failures)
    return ('<!DOCTYPE html><html><head><meta charset="utf-8"><title>Memory hotplug: ours against stock</title><style>'
            'body{font-family:sans-serif;margin:2em;max-width:60em}td,th{padding:2px 10px;text-align:right}'
            'td:first-child,th:first-child{text-align:left}tr:nth-child(even){background:#f4f4f4}.failed{color:#a00}'
            '</style></head><body><h1>Memory hotplug: ours against stock</h1><p>%s, base %s, commit %s</p>%s%s'
            '<table><tr><th>work</th><th>stock</th><th>ours</th><th>ratio</th><th>spread</th></tr>%s</table>'
            '</body></html>\n' % (about['date'], html.escape(about['base']), html.escape(about['commit']), failed,
                                 ''.join(plots.values()), rows))
