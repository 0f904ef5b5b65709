// Puts the page to work: data unpacked, filters, keys, theme, links to rules, paper.

const PRINTED = 40; // details that are opened for paper

function remembered(key, value) {
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch {
    return null; // a page from disk may have no storage
  }
}

function theme() {
  const button = document.getElementById("theme"), root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const told = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Switch to light" : "Switch to dark");
    redrawPlots();
  };
  const kept = remembered("streamspec-theme");
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  const toggle = () => {
    root.dataset.theme = dark() ? "light" : "dark";
    remembered("streamspec-theme", root.dataset.theme);
    told();
  };
  button.addEventListener("click", toggle);
  system.addEventListener("change", told);
  button.hidden = false;
  told();
  return toggle;
}

async function start() {
  const toggle = theme();
  const told = await unpacked(document.getElementById("told").textContent);
  let unpacking = null;
  const wires = () =>
    (unpacking ??= Promise.all([...document.querySelectorAll(".wire-data")].map((data) => unpacked(data.textContent))));
  const opened = (number) => detailOf(number, told, wires);
  const matrix = matrixOf(document.getElementById("matrix"), told, opened);
  const form = document.getElementById("filters"), search = form.elements.text;

  function filter() {
    const count = matrix.filter(Object.fromEntries(new FormData(form)));
    document.getElementById("shown").textContent = `${count} of ${matrix.rows.length} rules`;
    document.getElementById("nothing").hidden = count > 0;
  }
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => requestAnimationFrame(filter));
  form.hidden = false;
  if (![...matrix.rows].some((row) => fits(row, { verdict: "trouble" }, [], ""))) form.elements.verdict.value = "";
  filter();

  const worst = [...document.querySelectorAll(".worst .opener")];
  for (const button of worst) {
    button.addEventListener("click", () => {
      const item = button.closest("li"), there = item.querySelector(".detail");
      button.setAttribute("aria-expanded", String(!there));
      item.classList.toggle("open", !there);
      if (there) there.remove();
      else item.append(opened(Number(button.dataset.rule)));
    });
  }
  document.querySelector(".worst > li:first-child:not(.known) .opener")?.click();

  function follow() {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      return;
    }
    const row = matrix.byId(id);
    if (!row) return;
    if (row.hidden) {
      form.reset();
      form.elements.verdict.value = "";
      filter();
    }
    matrix.open(row);
    matrix.choose(row);
    row.scrollIntoView();
  }
  addEventListener("hashchange", follow);
  follow();

  function escape() {
    const inside = document.activeElement?.closest("tr.opened")?.previousElementSibling;
    const row = inside || matrix.current;
    const item = document.activeElement?.closest(".worst > li");
    if (document.activeElement === search && search.value) search.value = "", filter();
    else if (document.activeElement === search) search.blur();
    else if (item?.querySelector(".detail")) item.querySelector(".opener").click(), item.querySelector(".opener").focus();
    else if (row) matrix.close(row), matrix.choose(row);
  }
  const keys = {
    j: () => matrix.move(1), ArrowDown: () => matrix.move(1), k: () => matrix.move(-1), ArrowUp: () => matrix.move(-1),
    t: toggle, "/": () => search.focus(), Escape: escape,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    const field = event.target.closest("input, select, textarea");
    if (field && event.key !== "Escape") {
      if (!(field === search && event.key === "ArrowDown")) return;
    }
    const arrows = event.key.startsWith("Arrow");
    if (arrows && !field && !event.target.closest("#matrix .opener")) return; // arrows scroll the page elsewhere
    event.preventDefault();
    keys[event.key]();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") matrix.move(1);
  });

  await wires();
  let forPaper = [];
  addEventListener("beforeprint", () => {
    forPaper = matrix.visibleRows().filter((row) => row.querySelector(".opener").getAttribute("aria-expanded") === "false").slice(0, PRINTED);
    forPaper.forEach((row) => matrix.open(row));
    redrawPlots();
  });
  addEventListener("afterprint", () => forPaper.forEach((row) => matrix.close(row)));
  let waiting = 0;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(redrawPlots, 150);
  });
  document.documentElement.dataset.ready = "";
}

start();
