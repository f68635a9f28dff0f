// The two plots. Everything else on the page is there without this script.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const shade = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

  const short = (value) => (value < 99.95 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(0));
  const duration = (ns) => {
    if (ns == null) return "–";
    if (ns < 1e3) return ns + " ns";
    if (ns < 999500) return short(ns / 1e3) + " µs";
    if (ns < 999500000) return short(ns / 1e6) + " ms";
    return short(ns / 1e9) + " s";
  };
  const rate = (perS) => {
    if (perS == null) return "–";
    if (perS >= 1e6) return short(perS / 1e6) + " M/s";
    return perS >= 1e4 ? short(perS / 1e3) + " k/s" : Math.round(perS) + "/s";
  };
  const seconds = (s) => (s === 0 ? "0" : s < 1e-3 ? short(s * 1e6) + " µs" : s < 1 ? short(s * 1e3) + " ms" : +s.toFixed(3) + " s");
  // 10 → p90, 1,000 → p99.9: as many nines as the position has decades.
  const percentile = (x) => {
    const beyond = 100 / x;
    return "p" + (100 - beyond).toFixed(Math.max(0, Math.ceil(-Math.log10(beyond) - 1e-9)) + (beyond > 1.5 || Number.isInteger(Math.log10(x)) ? 0 : 1));
  };

  // 1, 2, 5 within each decade.
  const steps = (min, max) => {
    const all = [];
    for (let k = Math.floor(Math.log10(min)); k <= Math.ceil(Math.log10(max)); k++)
      for (const m of [1, 2, 5]) all.push(m * Math.pow(10, k));
    return all;
  };
  const logRange = (u, min, max) => {
    if (min == null || max == null) return [100, 1e6];
    const all = steps(Math.max(min, 1) / 2, max * 2);
    const low = all.filter((s) => s <= Math.max(min, 1)).pop();
    const high = all.find((s) => s >= max && s > low);
    return [low, high];
  };
  const logSplits = (u, axis, min, max) => {
    const all = steps(min, max).filter((s) => s >= min * 0.999 && s <= max * 1.001);
    return Math.log10(max / min) > 2.2 ? all.filter((s) => /^10*$/.test(s.toFixed(0))) : all;
  };

  const font = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";
  const axis = (more) => Object.assign({
    stroke: shade("soft"), font, labelFont: font, size: 34,
    grid: { stroke: shade("grid"), width: 1 }, ticks: { show: false }, border: { show: false },
  }, more);
  const latencyAxis = () => axis({
    size: 62, gap: 8, splits: logSplits, filter: (u, s) => s, values: (u, s) => s.map(duration),
  });
  const line = (label, colour, more) =>
    Object.assign({ label, stroke: shade(colour), width: 2, points: { show: false }, spanGaps: false }, more);

  const legend = (id, entries) => {
    const box = document.getElementById(id);
    box.textContent = "";
    return entries.map(([name, colour]) => {
      const item = document.createElement("span");
      if (colour) {
        const swatch = document.createElement("i");
        swatch.style.borderColor = shade(colour);
        item.append(swatch);
      }
      const value = document.createElement("b");
      item.append(name, value);
      box.append(item);
      return value;
    });
  };
  const show = (values, texts) => values.forEach((value, index) => { value.textContent = texts ? texts[index] : ""; });

  const percentiles = (width) => {
    const { x, curves } = data.percentiles;
    const names = [["latency", "latency"], ["service time", "service"], ["hiccups of the machine", "hiccup"]];
    const values = legend("percentiles-legend", names.concat([["", null]]));
    const columns = [x], series = [{}];
    curves.forEach(({ ns, known }, index) => {
      const positive = ns.map((v) => (v == null ? null : Math.max(v, 1)));
      columns.push(positive.map((v, i) => (i < known ? v : null)));
      // The tail starts at the last known point, so that the two meet.
      columns.push(positive.map((v, i) => (i >= known - 1 ? v : null)));
      const [label, colour] = names[index];
      series.push(line(label, colour, { width: index ? 2 : 2.5 }));
      series.push(line(label, colour, { width: 1.5, dash: [3, 4] }));
    });
    const marks = x.filter((v) => Number.isInteger(+Math.log10(v).toFixed(9))).map(Math.round);
    return new uPlot({
      width, height: width < 600 ? 300 : 380, legend: { show: false }, series,
      padding: [10, 24, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { distr: 3, time: false, range: () => [1, x[x.length - 1]] }, y: { distr: 3, range: logRange } },
      axes: [
        axis({ splits: () => (width < 600 ? marks : [1, 2].concat(marks.slice(1))), filter: (u, s) => s, values: (u, s) => s.map((v) => (v === 2 ? "p50" : percentile(v))) }),
        latencyAxis(),
      ],
      hooks: {
        setCursor: [(u) => {
          const i = u.cursor.idx;
          show(values, i == null ? null : curves.map(({ ns }) => duration(ns[i])).concat("at " + percentile(x[i])));
        }],
      },
    }, columns, document.getElementById("percentiles"));
  };

  const dots = () => ({ show: data.timeline.s.length < 40, size: 5 });
  const timelineScale = () => {
    const { end_s } = data.timeline;
    return { time: false, range: () => [0, end_s || 1] };
  };
  const linked = { key: "timeline", setSeries: false };
  let timelineValues;
  const tell = (u) => {
    const t = data.timeline, i = u.cursor.idx;
    show(timelineValues, i == null ? null : [
      duration(t.p50[i]), duration(t.p99[i]), duration(t.p99_9[i]), duration(t.max[i]), duration(t.hiccup[i]),
      rate(t.throughput[i]) + " at " + seconds(t.s[i]),
    ]);
  };

  const timeline = (width) => {
    const t = data.timeline;
    timelineValues = legend("timeline-legend", [
      ["p50", "p50"], ["p99", "p99"], ["p99.9", "p999"], ["max", "max"], ["largest hiccup", "hiccup"], ["throughput", "service"],
    ]);
    const at = (column) => column.map((v) => (v == null ? null : Math.max(v, 1)));
    return new uPlot({
      width, height: width < 600 ? 240 : 280, legend: { show: false }, padding: [10, 24, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, sync: linked },
      scales: { x: timelineScale(), y: { distr: 3, range: logRange } },
      series: [
        {}, line("p50", "p50", { points: dots() }), line("p99", "p99", { points: dots() }),
        line("p99.9", "p999", { points: dots() }), line("max", "max", { width: 1.5, points: dots() }),
        line("largest hiccup", "hiccup", { width: 1.5, dash: [4, 3], points: dots() }),
      ],
      axes: [axis({ show: true, size: 8, values: (u, s) => s.map(() => "") }), latencyAxis()],
      hooks: { setCursor: [tell] },
    }, [t.s, at(t.p50), at(t.p99), at(t.p99_9), at(t.max), at(t.hiccup)], document.getElementById("timeline"));
  };

  const throughput = (width) => {
    const t = data.timeline;
    return new uPlot({
      width, height: 130, legend: { show: false }, padding: [10, 24, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, sync: linked },
      scales: { x: timelineScale(), y: { range: (u, min, max) => [0, (max || 1) * 1.15] } },
      series: [{}, line("throughput", "service", { fill: shade("service") + "22", points: dots() })],
      axes: [
        axis({ values: (u, s) => s.map(seconds) }),
        axis({ size: 62, gap: 8, space: 34, values: (u, s) => s.map(rate) }),
      ],
      hooks: { setCursor: [tell] },
    }, [t.s, t.throughput], document.getElementById("throughput"));
  };

  let plots = [];
  const draw = () => {
    plots.forEach((plot) => plot.destroy());
    const width = document.getElementById("percentiles").clientWidth;
    plots = [percentiles(width)];
    if (data.timeline.s.length) plots.push(timeline(width), throughput(width));
  };
  draw();
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
