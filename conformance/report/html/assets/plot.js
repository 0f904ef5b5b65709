// When things came in an exchange: a staircase of events over time, drawn by uPlot, and the same in words.
// Knows no rule. Colours are those of the page, so that a plot is drawn again when they change.

const HUES = ["--link", "--untestable", "--tolerated", "--warn", "--pass"];
const plots = new Set();

/** Seconds in a few characters. */
function seconds(value) {
  if (value >= 0.9995) return `${value.toFixed(2)} s`;
  return value >= 0.00995 || value === 0 ? `${(value * 1000).toFixed(0)} ms` : `${(value * 1000).toFixed(1)} ms`;
}

/** When each event came, in seconds. */
function arrivalsOf(wire) {
  let at = 0;
  return (wire.arrivals || []).map((ticks) => (at += ticks) / 10_000);
}

/** The longest time between two events: [from, to, number of the event that ended it]. */
function longestGap(arrivals) {
  let longest = null;
  for (let index = 1; index < arrivals.length; index += 1) {
    const [from, to] = [arrivals[index - 1], arrivals[index]];
    if (!longest || to - from > longest[1] - longest[0]) longest = [from, to, index + 1];
  }
  return longest;
}

/** The times in words, for those who do not see the plot and for paper. */
function timesInWords(wire, arrivals) {
  const said = [];
  if (wire.head_at !== undefined) said.push(`head after ${seconds(wire.head_at)}`);
  if (wire.first !== undefined) said.push(`first content after ${seconds(wire.first)} (TTFT)`);
  const gap = longestGap(arrivals);
  if (gap) said.push(`longest gap ${seconds(gap[1] - gap[0])}${wire.every ? "" : ` before event ${gap[2]}`}`);
  if (wire.end_at !== undefined) said.push(`end after ${seconds(wire.end_at)}`);
  return said.join(", ");
}

/** A colour of the page as the canvas wants it. */
function colour(name) {
  const probe = element("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

/** Lines from top to bottom, and the longest gap, behind the staircase. */
function drawMoments(wire, arrivals) {
  return (plot) => {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const x = (at) => Math.round(plot.valToPos(at, "x", true));
    const gap = longestGap(arrivals);
    ctx.save();
    if (gap && gap[1] - gap[0] > 0) {
      ctx.globalAlpha = 0.12;
      ctx.fillStyle = colour("--warn");
      ctx.fillRect(x(gap[0]), bbox.top, Math.max(ratio, x(gap[1]) - x(gap[0])), bbox.height);
      ctx.globalAlpha = 1;
    }
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.setLineDash([3 * ratio, 3 * ratio]);
    const moments = [["head", wire.head_at, "--soft"], ["first content", wire.first, "--pass"]];
    let right = -1;
    moments.forEach(([name, at, hue], index) => {
      if (at === undefined) return;
      ctx.strokeStyle = ctx.fillStyle = colour(hue);
      ctx.lineWidth = ratio;
      ctx.beginPath();
      ctx.moveTo(x(at), bbox.top);
      ctx.lineTo(x(at), bbox.top + bbox.height);
      ctx.stroke();
      const width = ctx.measureText(name).width, room = bbox.left + bbox.width - x(at) > width + 8 * ratio;
      const left = room ? x(at) + 4 * ratio : x(at) - width - 4 * ratio;
      const down = left < right ? index : 0;
      ctx.fillText(name, left, bbox.top + (12 + 13 * down) * ratio);
      right = left + width;
    });
    ctx.restore();
  };
}

/** Draw it into an element. `shown` are {name, wire}, the first of which is the one that it is about. */
function draw(into, shown) {
  const staircases = shown.map(({ wire }) => [0, ...arrivalsOf(wire)]);
  const every = shown.map(({ wire }) => wire.every || 1);
  const tables = staircases.map((times, which) => {
    const [at, count] = [[], []];
    times.forEach((time, index) => {
      if (times[index + 1] === time) return;
      at.push(time);
      count.push(index * every[which]);
    });
    return [at, count];
  });
  const stepped = uPlot.paths.stepped({ align: 1 });
  const soft = colour("--soft"), line = colour("--line");
  const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui, sans-serif" };
  const made = new uPlot({
    width: Math.max(240, into.parentElement.clientWidth - 16), height: 150,
    legend: { show: false }, cursor: { show: false },
    scales: { x: { time: false, range: (_, low, high) => [0, high] }, y: { range: (_, low, high) => [0, Math.max(1, high) * 1.15] } },
    axes: [{ ...axis, values: (_, marks) => marks.map((at) => (at === 0 ? "0" : seconds(at))) },
      { ...axis, size: 48, values: (_, marks) => marks.map((count) => (Number.isInteger(count) ? count : "")) }],
    series: [{}, ...shown.map((_, which) => ({
      paths: stepped, spanGaps: true, stroke: colour(HUES[which % HUES.length]), width: which === 0 ? 2 : 1,
      points: { show: which === 0 && staircases[0].length < 80, size: 5, fill: colour("--link") },
    }))],
    hooks: { drawAxes: [drawMoments(shown[0].wire, arrivalsOf(shown[0].wire))] },
  }, uPlot.join(tables), into);
  return made;
}

/** The plot of an exchange, the same exchange with other targets behind it, and the times in words. */
function showPlot(into, legend, shown) {
  const arrivals = arrivalsOf(shown[0].wire);
  const words = timesInWords(shown[0].wire, arrivals);
  legend.textContent = "";
  legend.append(words);
  if (arrivals.length < 2 || arrivals.at(-1) === 0) return;
  into.setAttribute("aria-label", `Events over time: ${words}`);
  if (shown.length > 1) {
    legend.append(element("br"), "events over time:");
    shown.forEach(({ name }, which) => {
      const swatch = element("span", { class: "swatch" });
      swatch.style.background = `var(${HUES[which % HUES.length]})`;
      legend.append(swatch, name);
    });
  }
  const entry = { into, shown, plot: draw(into, shown) };
  plots.add(entry);
}

/** Draw all of them anew, in the colours and the width of now; forget those that are gone. */
function redrawPlots() {
  for (const entry of plots) {
    entry.plot.destroy();
    if (entry.into.isConnected) entry.plot = draw(entry.into, entry.shown);
    else plots.delete(entry);
  }
}
