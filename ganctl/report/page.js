// The interactive parts of the page: charts, the player of progress pictures, before and after, copy buttons.
"use strict";

const readJson = (id) => JSON.parse(document.getElementById(id).textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const format = (value) => (value == null ? "–" : String(Number(value.toPrecision(4))));

const SERIES_COLOURS = 6;
const DASHES = [[], [8, 3], [2, 3], [10, 3, 2, 3], [5, 5], [14, 3]]; // as in page.css: not everybody can tell the colours apart
const plots = [];
let shownEpoch = null; // of the progress picture

function yScale(chart) {
  if (chart.yRange) return { range: chart.yRange };
  const references = chart.referenceLines.map((line) => line.value);
  const range = (plot, min, max) => {
    if (min == null) return [null, null];
    const low = Math.min(min, ...references);
    const high = Math.max(max, ...references);
    return chart.logarithmic ? uPlot.rangeLog(low, high, 10, false) : uPlot.rangeNum(low, high, 0.1, true);
  };
  return chart.logarithmic ? { distr: 3, range } : { range };
}

/** Text that can be read on top of a line. */
function drawText(ctx, text, x, y) {
  ctx.save();
  ctx.setLineDash([]);
  ctx.strokeStyle = colour("--card");
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.lineJoin = "round";
  ctx.strokeText(text, x, y);
  ctx.restore();
  ctx.fillText(text, x, y);
}

/** Draw the reference lines, the best point, and a vertical line at the epoch of the progress picture. */
function drawMarks(plot, chart) {
  const { ctx, bbox } = plot;
  const pixel = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${11.5 * pixel}px system-ui, sans-serif`;
  ctx.lineWidth = 1.25 * pixel;
  for (const line of chart.referenceLines) {
    const y = plot.valToPos(line.value, "y", true);
    const hasRoomAbove = y - bbox.top > 18 * pixel;
    ctx.strokeStyle = ctx.fillStyle = line.series == null ? colour("--soft") : colour(`--series-${line.series % SERIES_COLOURS}`);
    ctx.setLineDash([4 * pixel, 4 * pixel]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.textAlign = "right";
    ctx.textBaseline = hasRoomAbove ? "bottom" : "top";
    drawText(ctx, line.label, bbox.left + bbox.width - 6 * pixel, y + (hasRoomAbove ? -4 : 4) * pixel);
  }
  ctx.setLineDash([]);
  if (shownEpoch != null) {
    const x = plot.valToPos(shownEpoch, "x", true);
    ctx.strokeStyle = colour("--strong-line");
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  if (chart.best) {
    const x = plot.valToPos(chart.best[0], "x", true);
    const y = plot.valToPos(chart.best[1], "y", true);
    const atRightEdge = bbox.left + bbox.width - x < 90 * pixel; // most lines fall: above and to the right is room
    ctx.fillStyle = colour("--ink");
    ctx.strokeStyle = colour("--card");
    ctx.lineWidth = 2 * pixel;
    ctx.beginPath();
    ctx.arc(x, y, 5 * pixel, 0, 7);
    ctx.fill();
    ctx.stroke();
    ctx.textAlign = atRightEdge ? "right" : "left";
    ctx.textBaseline = "bottom";
    drawText(ctx, `best: ${format(chart.best[1])}`, x + (atRightEdge ? -4 : 4) * pixel, y - 8 * pixel);
  }
  ctx.restore();
}

function plotChart(chart) {
  const card = document.getElementById(`chart-${chart.key}`);
  const container = card.querySelector(".plot");
  const valueLabels = [...card.querySelectorAll("[data-series]")];
  const decades = (_, ticks) => ticks.map((tick) => (Number.isInteger(Math.log10(tick)) ? tick : null));
  const axis = {
    stroke: () => colour("--soft"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
  };
  const series = chart.series.map(({ name }, i) => ({
    label: name,
    stroke: () => colour(`--series-${i % SERIES_COLOURS}`),
    width: 1.75,
    dash: DASHES[i % SERIES_COLOURS],
    spanGaps: true,
    points: { show: chart.epochs.length < 30, size: 6, fill: () => colour(`--series-${i % SERIES_COLOURS}`) },
  }));
  const plot = new uPlot(
    {
      width: container.clientWidth,
      height: 240,
      legend: { show: false },
      cursor: { sync: { key: "epochs" }, y: false, points: { size: 7 } },
      scales: { x: { time: false }, y: yScale(chart) },
      axes: [
        { ...axis, label: "epoch", labelSize: 20, labelGap: 2, size: 30, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
        {
          ...axis,
          grid: chart.logarithmic ? { ...axis.grid, filter: decades } : axis.grid,
          size: 52,
          values: (_, ticks) => ticks.map((tick) => (tick == null ? "" : format(tick))),
        },
      ],
      series: [{}, ...series],
      hooks: {
        draw: [(drawnPlot) => drawMarks(drawnPlot, chart)],
        setCursor: [
          ({ cursor }) => {
            chart.series.forEach(({ values }, i) => {
              const value = cursor.idx == null ? values.findLast((v) => v != null) : values[cursor.idx];
              valueLabels[i].textContent = format(value);
            });
          },
        ],
      },
    },
    [chart.epochs, ...chart.series.map(({ values }) => values)],
    container,
  );
  new ResizeObserver(() => plot.setSize({ width: container.clientWidth, height: 240 })).observe(container);
  plots.push(plot);
}

function setUpPlayer() {
  const slider = document.getElementById("epoch-slider");
  if (!slider) return;
  const frames = readJson("frame-data");
  const preview = document.getElementById("preview");
  const button = document.getElementById("play");
  const label = document.getElementById("epoch");
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
  let timer = null;

  const show = () => {
    const frame = frames[slider.valueAsNumber];
    const text = `epoch ${frame.epoch}`;
    preview.src = frame.url;
    preview.alt = `Progress picture of ${text}`;
    label.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    shownEpoch = frame.epoch;
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
    timer = setTimeout(next, reducedMotion.matches ? 1500 : 220);
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
    timer = setTimeout(next, reducedMotion.matches ? 1500 : 500);
  });
  slider.hidden = button.hidden = frames.length < 2;
}

function setUpComparison(box) {
  const slider = box.querySelector("input");
  slider.hidden = false;
  slider.addEventListener("input", () => box.style.setProperty("--at", `${slider.value}%`));
}

function setUpCopyButton(button) {
  const code = button.parentElement.querySelector("code");
  const status = document.getElementById("copy-status");
  button.hidden = false;
  button.setAttribute("aria-label", `Copy: ${code.textContent}`);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // where the browser denies access to the clipboard
      button.textContent = "Ctrl+C";
    }
    status.textContent = button.textContent === "Copied" ? "Copied" : "Selected: press Control C to copy";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}

readJson("chart-data").forEach(plotChart);
setUpPlayer();
document.querySelectorAll(".compare").forEach(setUpComparison);
document.querySelectorAll(".copy").forEach(setUpCopyButton);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach((plot) => plot.redraw(false)));
