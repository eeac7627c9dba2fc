// What moves in the page: charts, the reel of progress pictures, before and after, and copying.
"use strict";

const told = (id) => JSON.parse(document.getElementById(id).textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const figure = (value) => (value == null ? "–" : String(Number(value.toPrecision(4))));

const COLOURS = 6;
const DASHES = [[], [8, 3], [2, 3], [10, 3, 2, 3], [5, 5], [14, 3]]; // as in page.css: colour alone tells nobody apart
const plots = [];
let seen = null; // the epoch of the progress picture that is shown

function bounds(chart) {
  if (chart.within) return { range: chart.within };
  const levels = chart.levels.map((level) => level.value);
  const range = (plot, least, most) => {
    if (least == null) return [null, null];
    const low = Math.min(least, ...levels);
    const high = Math.max(most, ...levels);
    return chart.logarithmic ? uPlot.rangeLog(low, high, 10, false) : uPlot.rangeNum(low, high, 0.1, true);
  };
  return chart.logarithmic ? { distr: 3, range } : { range };
}

/** Text that can be read on top of curves. */
function write(ctx, text, x, y) {
  ctx.save();
  ctx.setLineDash([]);
  ctx.strokeStyle = colour("--card");
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.lineJoin = "round";
  ctx.strokeText(text, x, y);
  ctx.restore();
  ctx.fillText(text, x, y);
}

/** Levels to compare with, the best, and the place of the picture that is shown. */
function marks(plot, chart) {
  const { ctx, bbox } = plot;
  const dot = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11.5 * dot}px system-ui, sans-serif`;
  ctx.lineWidth = 1.25 * dot;
  for (const level of chart.levels) {
    const y = plot.valToPos(level.value, "y", true);
    const high = y - bbox.top > 18 * dot;
    ctx.strokeStyle = ctx.fillStyle = level.series == null ? colour("--soft") : colour(`--series-${level.series % COLOURS}`);
    ctx.setLineDash([4 * dot, 4 * dot]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.textAlign = "right";
    ctx.textBaseline = high ? "bottom" : "top";
    write(ctx, level.text, bbox.left + bbox.width - 6 * dot, y + (high ? -4 : 4) * dot);
  }
  ctx.setLineDash([]);
  if (seen != null) {
    const x = plot.valToPos(seen, "x", true);
    ctx.strokeStyle = colour("--strong-line");
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  if (chart.best) {
    const x = plot.valToPos(chart.best[0], "x", true);
    const y = plot.valToPos(chart.best[1], "y", true);
    const right = bbox.left + bbox.width - x < 90 * dot; // curves mostly fall: above and to the right is room
    ctx.fillStyle = colour("--ink");
    ctx.strokeStyle = colour("--card");
    ctx.lineWidth = 2 * dot;
    ctx.beginPath();
    ctx.arc(x, y, 5 * dot, 0, 7);
    ctx.fill();
    ctx.stroke();
    ctx.textAlign = right ? "right" : "left";
    ctx.textBaseline = "bottom";
    write(ctx, `best: ${figure(chart.best[1])}`, x + (right ? -4 : 4) * dot, y - 8 * dot);
  }
  ctx.restore();
}

function draw(chart) {
  const card = document.getElementById(`chart-${chart.key}`);
  const holder = card.querySelector(".plot");
  const values = [...card.querySelectorAll("[data-series]")];
  const decades = (_, ticks) => ticks.map((tick) => (Number.isInteger(Math.log10(tick)) ? tick : null));
  const axis = {
    stroke: () => colour("--soft"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
  };
  const series = chart.series.map((one, place) => ({
    label: one.name,
    stroke: () => colour(`--series-${place % COLOURS}`),
    width: 1.75,
    dash: DASHES[place % COLOURS],
    spanGaps: true,
    points: { show: chart.epochs.length < 30, size: 6, fill: () => colour(`--series-${place % COLOURS}`) },
  }));
  const plot = new uPlot(
    {
      width: holder.clientWidth,
      height: 240,
      legend: { show: false },
      cursor: { sync: { key: "epochs" }, y: false, points: { size: 7 } },
      scales: { x: { time: false }, y: bounds(chart) },
      axes: [
        { ...axis, label: "epoch", labelSize: 20, labelGap: 2, size: 30, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
        {
          ...axis,
          grid: chart.logarithmic ? { ...axis.grid, filter: decades } : axis.grid,
          size: 52,
          values: (_, ticks) => ticks.map((tick) => (tick == null ? "" : figure(tick))),
        },
      ],
      series: [{}, ...series],
      hooks: {
        draw: [(drawn) => marks(drawn, chart)],
        setCursor: [
          (drawn) => {
            const at = drawn.cursor.idx;
            chart.series.forEach((one, place) => {
              const known = at == null ? one.values.findLast((value) => value != null) : one.values[at];
              values[place].textContent = figure(known);
            });
          },
        ],
      },
    },
    [chart.epochs, ...chart.series.map((one) => one.values)],
    holder,
  );
  new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height: 240 })).observe(holder);
  plots.push(plot);
}

function reel() {
  const slider = document.getElementById("reel");
  if (!slider) return;
  const frames = told("frames");
  const picture = document.getElementById("shown");
  const button = document.getElementById("play");
  const label = document.getElementById("epoch");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = null;

  const show = () => {
    const frame = frames[slider.valueAsNumber];
    const words = `epoch ${frame.epoch}`;
    picture.src = frame.address;
    picture.alt = `Progress picture of ${words}`;
    label.textContent = words;
    slider.setAttribute("aria-valuetext", words);
    seen = frame.epoch;
    plots.forEach((plot) => plot.redraw(false));
  };
  const stop = () => {
    clearTimeout(timer);
    timer = null;
    button.textContent = "Play";
  };
  const next = () => {
    if (slider.valueAsNumber >= frames.length - 1) return stop();
    slider.valueAsNumber += 1;
    show();
    timer = setTimeout(next, calm.matches ? 1500 : 220);
  };
  slider.addEventListener("input", () => {
    stop();
    show();
  });
  button.addEventListener("click", () => {
    if (timer != null) return stop();
    if (slider.valueAsNumber >= frames.length - 1) slider.valueAsNumber = 0;
    show();
    button.textContent = "Pause";
    timer = setTimeout(next, calm.matches ? 1500 : 500);
  });
  slider.hidden = button.hidden = frames.length < 2;
}

function compare(box) {
  const slider = box.querySelector("input");
  slider.hidden = false;
  slider.addEventListener("input", () => box.style.setProperty("--at", `${slider.value}%`));
}

function copying(button) {
  const code = button.parentElement.querySelector("code");
  const said = document.getElementById("said");
  button.hidden = false;
  button.setAttribute("aria-label", `Copy: ${code.textContent}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // where the browser gives pages no clipboard
      button.textContent = "Ctrl+C";
    }
    said.textContent = button.textContent === "Copied" ? "Copied" : "Selected: press Control C to copy";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

told("curves").forEach(draw);
reel();
document.querySelectorAll(".compare").forEach(compare);
document.querySelectorAll(".copy").forEach(copying);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((plot) => plot.redraw(false)));
