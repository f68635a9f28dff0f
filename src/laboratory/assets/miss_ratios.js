// One plot a trace: miss ratio over the size of the cache. The tables are there without this script.
(() => {
  "use strict";
  const studies = JSON.parse(document.getElementById("data").textContent);
  const shade = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const font = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";
  const axis = (more) => Object.assign({
    stroke: shade("soft"), font, labelFont: font, size: 34,
    grid: { stroke: shade("grid"), width: 1 }, ticks: { show: false }, border: { show: false },
  }, more);
  const percent = (ratio) => (ratio == null ? "–" : (ratio * 100).toFixed(2) + " %");
  const count = (value) => value.toLocaleString("en");
  const bytes = (value) => {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (value >= 999.5 && unit + 1 < units.length) { value /= 1024; unit++; }
    return +value.toFixed(value < 99.95 ? 1 : 0) + " " + units[unit];
  };
  const amount = (study, value) => (study.bytes ? bytes(value) : count(value));

  const draw = (study, index) => {
    const box = document.getElementById("plot-" + index);
    const legend = document.getElementById("legend-" + index);
    box.textContent = legend.textContent = "";
    const values = study.policies.map((policy) => {
      const item = document.createElement("span"), swatch = document.createElement("i"), value = document.createElement("b");
      swatch.style.borderColor = shade(policy.shade);
      item.append(swatch, policy.name, value);
      legend.append(item);
      return value;
    });
    const at = document.createElement("b");
    legend.append(at);
    const xs = study.sizes, width = box.clientWidth;
    return new uPlot({
      width, height: width < 600 ? 300 : 400, legend: { show: false }, padding: [10, 44, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { distr: xs.length > 1 ? 3 : 1, time: false, range: () => [xs[0] * (xs.length > 1 ? 1 : 0.5), xs.length > 1 ? xs[xs.length - 1] : xs[0] * 1.5] },
        y: { range: (u, min, max) => [Math.max(0, (min || 0) - 0.02), Math.min(1, (max || 1) + 0.02)] },
      },
      series: [{}].concat(study.policies.map((policy) => ({
        label: policy.name, stroke: shade(policy.shade), width: policy.floor ? 1.5 : 2, spanGaps: false,
        dash: policy.floor ? [5, 4] : undefined, points: { show: true, size: 5 },
      }))),
      axes: [
        axis({ splits: () => xs, filter: (u, s) => s, values: (u, s) => s.map((v) => amount(study, v)) }),
        axis({ size: 56, gap: 8, values: (u, s) => s.map((v) => +(v * 100).toFixed(1) + " %") }),
      ],
      hooks: {
        setCursor: [(u) => {
          const i = u.cursor.idx;
          values.forEach((value, p) => { value.textContent = i == null ? "" : percent(study.policies[p].miss_ratios[i]); });
          at.textContent = i == null ? "" : "at " + amount(study, xs[i]);
        }],
      },
    }, [xs].concat(study.policies.map((policy) => policy.miss_ratios)), box);
  };

  let plots = [];
  const drawAll = () => {
    plots.forEach((plot) => plot.destroy());
    plots = studies.map(draw);
  };
  drawAll();
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; drawAll(); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
