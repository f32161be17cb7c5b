// Lists of tracks and events, facts of the frame, and scores.

import { box, color, inkOn } from "./data.js";
import { describe } from "./edits.js";
import { EVENT_COLORS } from "./timeline.js";

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// A list that holds only the rows on the screen.
export class VirtualList {
  constructor(element, rowHeight, render, choose) {
    Object.assign(this, { element, rowHeight, render, choose, items: [], chosen: -1 });
    this.spacer = make("div", { class: "spacer", role: "presentation" });
    element.append(this.spacer);
    element.addEventListener("scroll", () => this.draw());
    element.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) this.pick(Number(row.dataset.place), event);
    });
    element.addEventListener("keydown", (event) => {
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -Infinity, End: Infinity };
      if (!(event.key in moves) || !this.items.length) return;
      event.preventDefault();
      event.stopPropagation();
      this.pick(Math.min(Math.max(this.chosen + moves[event.key], 0), this.items.length - 1), event);
      this.reveal(this.chosen);
    });
    new ResizeObserver(() => this.draw()).observe(element);
  }

  set(items, chosen) {
    this.items = items;
    this.chosen = chosen;
    this.spacer.style.height = `${items.length * this.rowHeight}px`;
    this.draw();
  }

  pick(place, event) {
    this.chosen = place;
    this.choose(this.items[place], event);
    this.draw();
  }

  reveal(place) {
    if (place < 0) return;
    const { element, rowHeight } = this;
    const top = place * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight - element.clientHeight;
  }

  draw() {
    const { element, rowHeight, items } = this;
    const first = Math.max(Math.floor(element.scrollTop / rowHeight) - 3, 0);
    const last = Math.min(first + Math.ceil(element.clientHeight / rowHeight) + 7, items.length);
    const rows = [];
    for (let place = first; place < last; place++) {
      const row = this.render(items[place]);
      row.classList.add("row");
      row.id = `${element.id}-${place}`;
      row.dataset.place = place;
      row.setAttribute("role", "option");
      row.setAttribute("aria-posinset", place + 1);
      row.setAttribute("aria-setsize", items.length);
      row.setAttribute("aria-selected", place === this.chosen);
      row.style.top = `${place * rowHeight}px`;
      row.style.height = `${rowHeight}px`;
      rows.push(row);
    }
    this.spacer.replaceChildren(...rows);
    if (this.chosen >= first && this.chosen < last) element.setAttribute("aria-activedescendant", `${element.id}-${this.chosen}`);
    else element.removeAttribute("aria-activedescendant");
  }
}

export function chip(data, track) {
  const element = make("span", { class: "chip" }, String(track));
  element.style.background = color(data, track);
  element.style.color = inkOn(color(data, track));
  return element;
}

export function trackRow(data, state, track) {
  const name = state.edits.names.get(track.id);
  const view = make("span", { class: "view", "aria-hidden": "true" });
  const picture = data.info.thumbnails[track.rows ? data.ids[track.rows[0]] : track.id];
  if (picture) view.style.backgroundImage = `url(${picture})`;
  const [first, last] = [data.numbers[track.first], data.numbers[track.last]];
  const unit = data.info.timed ? "s" : "frames";
  const facts = `frames ${first}–${last} · ${track.seconds.toFixed(data.info.timed ? 1 : 0)} ${unit} · score ${track.score.toFixed(2)}`;
  const motion = `${track.speed.toFixed(data.info.timed ? 0 : 1)} px/${data.info.timed ? "s" : "frame"} · ${track.distance.toFixed(0)} px walked`;
  const bar = make("div", { class: "bar", "aria-hidden": "true" });
  const total = Math.max(data.frames, 1);
  const mark = make("i");
  mark.style.left = `${(100 * track.first) / total}%`;
  mark.style.width = `${Math.max((100 * (track.last + 1 - track.first)) / total, 0.5)}%`;
  mark.style.background = color(data, track.id);
  bar.append(mark);
  const texts = make("div", { class: "texts" });
  if (name) texts.append(make("div", { class: "name" }, name));
  texts.append(make("small", {}, facts), make("small", {}, motion), bar);
  const row = make("div", {}, chip(data, track.id), view, texts);
  if (track.suspicion >= 0.02) row.append(make("span", { class: "doubt", title: "Highest suspicion of an identity error" }, `${Math.round(100 * track.suspicion)} %`));
  if (track.id === state.other) row.classList.add("other");
  return row;
}

export function eventTitle(event) {
  const [track, rival] = event.tracks;
  switch (event.kind) {
    case "switch": return `Switch: ${track} → ${rival} (person ${event.person})`;
    case "missed": return `Person ${event.person} missed`;
    case "false positive": return `Track ${track}: no person`;
    case "birth": return rival !== undefined && event.suspicion >= 0.02 ? `Birth of ${track}; may be ${rival}` : `Birth of ${track}`;
    case "re-identification": return `Return of ${track}`;
    default: return rival === undefined ? `Possible switch: ${track}` : `Possible switch: ${track}, ${rival}`;
  }
}

export function eventRow(data, event) {
  const mark = make("span", { class: "dot", "aria-hidden": "true" });
  mark.style.background = EVENT_COLORS[event.kind];
  const length = event.to > event.at ? `–${data.numbers[event.to]}` : "";
  const time = data.info.timed ? ` · ${clock(data.times[event.at])}` : "";
  const texts = make("div", { class: "texts" },
    make("div", { class: "name" }, eventTitle(event)),
    make("small", {}, `frame ${data.numbers[event.at]}${length}${time}${event.checked ? " · seen" : ""}`));
  const row = make("div", {}, mark, texts);
  const real = event.suspicion >= 1;
  if (event.suspicion >= 0.005) row.append(make("span", { class: `doubt${real ? " real" : ""}` }, real ? "error" : `${(100 * event.suspicion).toFixed(event.suspicion < 0.1 ? 1 : 0)} %`));
  return row;
}

export function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(2).padStart(5, "0")}`;
}

export function drawFrameTable(table, data, state) {
  const head = make("tr", {}, ...["track", "score", "joints", "height", "x", "y"].map((name) => make("th", { scope: "col" }, name)));
  const rows = [];
  if (data.frames) {
    for (let row = data.bounds[state.frame]; row < data.bounds[state.frame + 1]; row++) {
      const id = state.edits.ids[row];
      if (id === -2) continue;
      let joints = 0;
      for (let joint = 0; joint < data.joints; joint++) joints += data.marks[row * data.joints + joint] > 0;
      const [x1, y1, x2, y2] = box(data, row);
      const name = state.edits.names.get(id);
      const who = make("td", {}, id < 0 ? "no id" : chip(data, id), name ? ` ${name}` : "");
      const cells = [data.scores[row].toFixed(2), `${joints}/${data.joints}`, (y2 - y1).toFixed(0), ((x1 + x2) / 2).toFixed(0), ((y1 + y2) / 2).toFixed(0)];
      const line = make("tr", {}, who, ...cells.map((cell) => make("td", {}, cell)));
      if (id >= 0) line.dataset.track = id;
      line.setAttribute("aria-selected", id >= 0 && id === state.selected);
      rows.push(line);
    }
  }
  if (!rows.length) rows.push(make("tr", {}, make("td", { colspan: 6, class: "empty" }, "No people in this frame.")));
  table.replaceChildren(make("caption", { class: "hidden" }, "People of this frame"), make("thead", {}, head), make("tbody", {}, ...rows));
}

export function drawScores(element, scores) {
  if (!scores) {
    element.replaceChildren(make("p", { class: "empty" }, "Scores need ground truth: poseflow report RESULT --gt TRUTH."));
    return;
  }
  const head = make("tr", {}, make("th", { scope: "col" }, ""), ...scores.columns.map((name) => make("th", { scope: "col" }, name)));
  const rows = scores.rows.map(([name, ...cells]) => make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((cell) => make("td", {}, cell))));
  element.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)), ...scores.notes.map((note) => make("p", {}, note)));
}

export function drawCorrections(list, help, edits, data, numberOf) {
  list.replaceChildren(...edits.done.map((correction) => make("li", {}, describe(correction, numberOf))));
  help.textContent = edits.done.length
    ? `Download them, then run: poseflow edit ${data.info.result} --apply corrections.json -o corrected.json`
    : "No corrections yet. Select a track, then use the buttons below or the keys R, M, X, S and Delete.";
}
