// The page: its state, and what buttons, keys and clicks do.

import { color, frameOfIndex, loadData } from "./data.js";
import { ask, showKeys } from "./dialogs.js";
import { describe, Edits } from "./edits.js";
import { Overlay } from "./overlay.js";
import { clock, drawCorrections, drawFrameTable, drawScores, eventRow, eventTitle, trackRow, VirtualList } from "./panels.js";
import { Player } from "./player.js";
import { EVENT_COLORS, Timeline } from "./timeline.js";
import { computeTracks } from "./tracks.js";

const $ = (id) => document.getElementById(id);
const data = loadData(document);
const edits = new Edits(data);
const state = {
  frame: 0, selected: -1, other: -1, edits, tracks: new Map(), events: [], tab: "tracks", event: null,
  show: { skeletons: true, labels: true, trails: true, boxes: false, truth: false, picture: true },
};
const dirty = { overlay: true, timeline: true, tracks: true, events: true, frame: true };

// ---- drawing, once for each frame of the screen ------------------------------------

function redraw(...parts) {
  for (const part of parts) dirty[part] = true;
  if (redraw.asked) return;
  redraw.asked = true;
  requestAnimationFrame(() => {
    redraw.asked = false;
    if (dirty.overlay) overlay.draw(state);
    if (dirty.timeline) timeline.draw(state);
    if (dirty.frame && state.tab === "frame") drawFrameTable($("frame-table"), data, state);
    if (dirty.tracks && state.tab === "tracks") drawTracks();
    if (dirty.events && state.tab === "events") drawEvents();
    for (const part of Object.keys(dirty)) dirty[part] = false;
  });
}

const overlay = new Overlay($("overlay"), data);
const player = new Player(data, document, shownFrame, (name) => note(
  `This browser cannot play ${name}, so poses are shown without images. Write the page anew with --embed, which encodes the video for browsers.`));
const timeline = new Timeline($("timeline"), $("timeline-box"), $("tip"), data, {
  seek, select, changed: () => redraw("timeline"), describe: describePlace,
});
const trackList = new VirtualList($("track-list"), 72, (track) => trackRow(data, state, track), (track, event) => {
  const second = event.ctrlKey || event.metaKey;
  select(track.id, second);
  if (!second && event.type === "click" && (state.frame < track.first || state.frame > track.last)) seek(track.first);
});
const eventList = new VirtualList($("event-list"), 48, (event) => eventRow(data, event), openEvent);

function shownFrame(frame) {
  if (state.frame === frame && !shownFrame.first) return;
  shownFrame.first = false;
  state.frame = frame;
  $("scrubber").value = frame;
  if (document.activeElement !== $("number")) $("number").value = data.frames ? data.numbers[frame] : "";
  $("clock").textContent = data.info.timed && data.frames ? `${clock(data.times[frame])} / ${clock(data.times[data.frames - 1])}` : "";
  if (player.playing) timeline.follow(frame);
  redraw("overlay", "timeline", "frame");
  if ($("track-filter").value === "now") redraw("tracks");
}
shownFrame.first = true;

function layout() {
  const place = overlay.fit($("stage"));
  for (const id of ["video", "picture", "overlay"]) {
    for (const side of ["left", "top", "width", "height"]) $(id).style[side] = `${place[side]}px`;
  }
  timeline.stale = true;
  redraw("overlay", "timeline");
}

function note(text) {
  $("note").textContent = text;
  $("note").hidden = !text;
  layout();
}

function announce(text) {
  $("announcer").textContent = text;
}

// ---- tracks and events ---------------------------------------------------------------

function changed() {
  state.tracks = computeTracks(data, edits.ids);
  for (const track of state.tracks.values()) track.suspicion = 0;
  for (const event of state.events) {
    if (event.suspicion >= 1) continue;
    const track = state.tracks.get(event.tracks[0]);
    if (track) track.suspicion = Math.max(track.suspicion, event.suspicion);
  }
  if (!state.tracks.has(state.selected)) state.selected = -1;
  if (!state.tracks.has(state.other)) state.other = -1;
  timeline.arrange(state.tracks);
  const count = edits.done.length;
  $("undo").disabled = !count;
  $("redo").disabled = !edits.undone.length;
  $("download").disabled = !count;
  $("tab-corrections").textContent = count ? `Corrections (${count})` : "Corrections";
  drawCorrections($("correction-list"), $("correction-help"), edits, data, (index) => data.numbers[Math.min(frameOfIndex(data, index), data.frames - 1)]);
  drawSelection();
  redraw("overlay", "timeline", "tracks", "events", "frame");
}

function drawTracks() {
  const text = $("track-search").value.trim().toLowerCase();
  const filter = $("track-filter").value;
  const here = new Set();
  if (filter === "now" && data.frames) {
    for (let row = data.bounds[state.frame]; row < data.bounds[state.frame + 1]; row++) here.add(edits.ids[row]);
  }
  const second = data.info.timed ? 1 : 25;
  const kept = [...state.tracks.values()].filter((track) => {
    const name = edits.names.get(track.id) || "";
    if (text && String(track.id) !== text && !name.toLowerCase().includes(text)) return false;
    if (filter === "now") return here.has(track.id);
    if (filter === "short") return track.seconds < second;
    if (filter === "suspicious") return track.suspicion >= 0.02;
    return filter !== "named" || name !== "";
  });
  const orders = {
    first: (a, b) => a.first - b.first, length: (a, b) => b.rows.length - a.rows.length, short: (a, b) => a.rows.length - b.rows.length,
    suspicion: (a, b) => b.suspicion - a.suspicion, score: (a, b) => a.score - b.score, speed: (a, b) => b.speed - a.speed,
  };
  const order = orders[$("track-sort").value];
  kept.sort((a, b) => order(a, b) || a.id - b.id);
  trackList.set(kept, kept.findIndex((track) => track.id === state.selected));
  $("track-count").textContent = kept.length === state.tracks.size ? `${kept.length} tracks` : `${kept.length} of ${state.tracks.size} tracks`;
}

function listedEvents() {
  const kind = $("event-kind").value;
  const kept = state.events.filter((event) => kind === "all" || event.kind === kind);
  const order = { switch: 0, missed: 2, "false positive": 2 };
  if ($("event-sort").value === "suspicion") {
    kept.sort((a, b) => b.suspicion - a.suspicion || (order[a.kind] ?? 1) - (order[b.kind] ?? 1) || a.at - b.at);
  } else kept.sort((a, b) => a.at - b.at);
  return kept;
}

function drawEvents() {
  const kept = listedEvents();
  eventList.set(kept, kept.indexOf(state.event));
  const seen = state.events.filter((event) => event.checked).length;
  $("event-count").textContent = `${kept.length} events${seen ? `, ${seen} seen` : ""}`;
}

function openEvent(event) {
  state.event = event;
  event.checked = true;
  player.pause();
  seek(event.at);
  timeline.follow(event.at);
  const [track, rival] = event.kind === "switch" ? [event.tracks[1], event.tracks[0]] : event.tracks;
  select(track ?? -1, false);
  state.other = rival !== undefined && state.tracks.has(rival) ? rival : -1;
  drawSelection();
  announce(`${eventTitle(event)}, frame ${data.numbers[event.at]}`);
  redraw("overlay", "timeline", "events");
}

function stepEvent(step) {
  const kept = listedEvents();
  if (!kept.length) return;
  const at = kept.indexOf(state.event);
  openEvent(kept[at < 0 ? 0 : (at + step + kept.length) % kept.length]);
  openTab("events");
  eventList.reveal(kept.indexOf(state.event));
}

function stepTrack(step) {
  if (!data.frames) return;
  const here = [...new Set(edits.ids.subarray(data.bounds[state.frame], data.bounds[state.frame + 1]))].filter((id) => id >= 0).sort((a, b) => a - b);
  const ids = here.length ? here : [...state.tracks.keys()];
  if (!ids.length) return;
  const at = ids.indexOf(state.selected);
  select(ids[at < 0 ? 0 : (at + step + ids.length) % ids.length]);
}

function select(track, second = false) {
  if (second && state.selected >= 0 && track !== state.selected) state.other = track;
  else {
    state.selected = state.tracks.has(track) ? track : -1;
    state.other = -1;
  }
  timeline.stale = true;
  drawSelection();
  redraw("overlay", "timeline", "tracks", "frame");
}

function title(track) {
  const name = edits.names.get(track);
  return name ? `${track} (${name})` : String(track);
}

function drawSelection() {
  const { selected, other } = state;
  const text = selected < 0 ? "Select a track to correct it" : `Track ${title(selected)}${other >= 0 ? ` and ${title(other)}` : ""}`;
  $("selection").textContent = text;
  for (const button of document.querySelectorAll("#actions button")) button.disabled = selected < 0;
  if (selected >= 0) announce(text);
}

function describePlace(frame, track, head) {
  if (!data.frames) return "";
  const where = `Frame ${data.numbers[frame]}`;
  if (head) {
    const near = Math.max((timeline.to - timeline.from) / 150, 1);
    const event = state.events.filter((each) => frame >= each.at - near && frame <= each.to + near).sort((a, b) => b.suspicion - a.suspicion)[0];
    return event ? `${where} · ${eventTitle(event)}` : where;
  }
  return track ? `${where} · Track ${title(track.id)}` : where;
}

// ---- corrections ---------------------------------------------------------------------

function correct(correction) {
  const problem = edits.add(correction);
  if (problem) return problem;
  const done = describe(correction, (index) => data.numbers[frameOfIndex(data, index)]);
  changed();
  announce(done);
  return "";
}

function otherTracks() {
  return [...state.tracks.keys()].filter((id) => id !== state.selected).map((id) => [id, edits.names.get(id) || ""]);
}

const ACTIONS = {
  name() {
    const track = state.selected;
    ask({ title: `Name track ${track}`, text: "", label: "Name of the person", value: edits.names.get(track) || "" },
      (name) => correct({ action: "name", track, name: name.trim() }));
  },
  merge() {
    const track = state.selected;
    ask({ title: `Merge with track ${title(track)}`, text: "The other track gets its id in all frames.", label: "Id of the other track", value: state.other >= 0 ? state.other : "", options: otherTracks() },
      (text) => /^\d+$/.test(text.trim()) ? correct({ action: "merge", track, others: [Number(text)] }) : "Type the id of a track.");
  },
  swap() {
    const track = state.selected;
    ask({ title: `Swap with track ${title(track)}`, text: `Ids are exchanged from frame ${data.numbers[state.frame]} on.`, label: "Id of the other track", value: state.other >= 0 ? state.other : "", options: otherTracks() },
      (text) => /^\d+$/.test(text.trim()) ? correct({ action: "swap", track, other: Number(text), frame: data.indices[state.frame] }) : "Type the id of a track.");
  },
  split() {
    const problem = correct({ action: "split", track: state.selected, frame: data.indices[state.frame], new: edits.newId() });
    if (problem) ask({ title: "Not split", text: problem }, () => "");
  },
  delete() {
    const track = state.selected;
    ask({ title: `Delete track ${title(track)}`, text: "Its poses are removed from all frames." }, () => correct({ action: "delete", track }));
  },
};

function act(name) {
  if (state.selected >= 0) ACTIONS[name]();
}

function undo() {
  const undone = edits.undo();
  if (undone) changed();
}

function redo() {
  if (edits.redo()) changed();
}

function download() {
  if (!edits.done.length) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([edits.file()], { type: "application/json" }));
  link.download = "corrections.json";
  link.click();
  state.saved = edits.done.length;
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// ---- controls ------------------------------------------------------------------------

function seek(frame) {
  player.seek(frame);
}

function step(frames) {
  player.pause();
  seek(state.frame + frames);
}

function togglePlay() {
  if (player.playing) player.pause();
  else player.play();
}

function showPlaying() {
  const { playing } = player;
  if (showPlaying.now !== playing) {
    showPlaying.now = playing;
    $("play").classList.toggle("playing", playing);
    $("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  }
  setTimeout(showPlaying, 100);
}

function openTab(name) {
  state.tab = name;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const open = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", open);
    tab.tabIndex = open ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !open;
  }
  redraw("tracks", "events", "frame");
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  timeline.stale = true;
  redraw("timeline");
}

function toggle(name) {
  const field = document.querySelector(`#shown [name=${name}]`);
  if (!field.closest("label").hidden) field.click();
}

const TABS = ["tracks", "events", "frame", "scores", "corrections"];
const KEYS = {
  " ": togglePlay, ArrowLeft: () => step(-1), ArrowRight: () => step(1), Home: () => step(-Infinity), End: () => step(Infinity),
  n: () => stepEvent(1), p: () => stepEvent(-1), j: () => stepTrack(1), k: () => stepTrack(-1),
  Enter: () => state.selected >= 0 && seek(state.tracks.get(state.selected).first), Escape: () => select(-1),
  r: () => act("name"), m: () => act("merge"), x: () => act("swap"), s: () => act("split"), Delete: () => act("delete"), Backspace: () => act("delete"),
  "/": () => { openTab("tracks"); $("track-search").focus(); }, d: () => $("theme").click(), "?": showKeys,
  "+": () => timeline.zoom(0.5, state.frame), "-": () => timeline.zoom(2, state.frame), 0: () => timeline.setRange(0, Infinity),
  i: () => toggle("labels"), t: () => toggle("trails"), b: () => toggle("boxes"), g: () => toggle("truth"),
};
TABS.forEach((name, k) => (KEYS[k + 1] = () => openTab(name)));

function onKey(event) {
  if (document.querySelector("dialog[open]")) return;
  const field = event.target.closest("input:not([type=checkbox]):not([type=range]), select");
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    const command = { z: event.shiftKey ? redo : undo, y: redo, s: download }[key];
    if (!command || field) return;
    event.preventDefault();
    command();
    return;
  }
  if (field) {
    if (event.key === "Escape") field.blur();
    return;
  }
  const onButton = event.target.closest("button, input") && (event.key === " " || event.key === "Enter");
  if (onButton || event.altKey) return;
  const second = Math.max(Math.round(data.info.fps || 25), 1);
  const shifted = { ArrowLeft: -second, ArrowRight: second }[event.key];
  const command = event.shiftKey && shifted ? () => step(shifted) : KEYS[event.key] || KEYS[event.key.toLowerCase()];
  if (!command) return;
  event.preventDefault();
  command();
}

function connect() {
  document.addEventListener("keydown", onKey);
  $("play").onclick = togglePlay;
  $("first").onclick = () => step(-Infinity);
  $("last").onclick = () => step(Infinity);
  $("back").onclick = () => step(-1);
  $("forward").onclick = () => step(1);
  $("scrubber").max = Math.max(data.frames - 1, 0);
  $("scrubber").oninput = () => { player.pause(); seek(Number($("scrubber").value)); };
  $("number").onchange = () => {
    const wanted = Number($("number").value);
    let frame = data.numbers.findIndex((number) => number >= wanted);
    if (frame < 0) frame = data.frames - 1;
    step(frame - state.frame);
  };
  $("speed").onchange = () => player.setSpeed(Number($("speed").value));
  $("zoom-in").onclick = KEYS["+"];
  $("zoom-out").onclick = KEYS["-"];
  $("zoom-all").onclick = KEYS[0];
  $("undo").onclick = undo;
  $("redo").onclick = redo;
  $("download").onclick = download;
  $("help").onclick = showKeys;
  $("theme").onclick = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
  for (const name of TABS) $(`tab-${name}`).onclick = () => openTab(name);
  $("tabs").addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    event.stopPropagation();
    const next = TABS[(TABS.indexOf(state.tab) + move + TABS.length) % TABS.length];
    openTab(next);
    $(`tab-${next}`).focus();
  });
  for (const id of ["track-search", "track-filter", "track-sort"]) $(id).addEventListener("input", () => redraw("tracks"));
  for (const id of ["event-kind", "event-sort"]) $(id).addEventListener("input", () => redraw("events"));
  for (const field of document.querySelectorAll("#shown input")) {
    field.onchange = () => {
      state.show[field.name] = field.checked;
      $("video").style.visibility = $("picture").style.visibility = state.show.picture ? "" : "hidden";
      redraw("overlay");
    };
  }
  for (const button of document.querySelectorAll("#actions button")) button.onclick = () => act(button.dataset.action);
  $("overlay").addEventListener("click", (event) => {
    if (data.frames) select(overlay.trackAt(state, event.offsetX, event.offsetY), event.ctrlKey || event.metaKey);
  });
  $("frame-table").addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-track]");
    if (row) select(Number(row.dataset.track), event.ctrlKey || event.metaKey);
  });
  new ResizeObserver(layout).observe($("stage"));
  window.addEventListener("beforeunload", (event) => {
    if (edits.done.length !== (state.saved || 0)) event.preventDefault();
  });
}

function begin() {
  const { info } = data;
  $("title").textContent = info.title;
  const size = info.size.join(" × ");
  const ids = new Set(data.ids.filter((id) => id >= 0)).size;
  const rate = info.fps ? ` · ${Number(info.fps.toFixed(2))} frames/s` : "";
  $("facts").textContent = `${info.result} · ${data.frames} frames · ${size}${rate} · ${ids} tracks`;
  state.events = info.events;
  const kinds = [...new Set(info.events.map((event) => event.kind))];
  $("event-kind").append(...kinds.map((kind) => new Option(kind, kind)));
  for (const kind of kinds) {
    const item = document.createElement("li");
    const mark = document.createElement("i");
    mark.style.background = EVENT_COLORS[kind];
    item.append(mark, kind);
    $("legend").append(item);
  }
  $("truth-switch").hidden = !data.truth_bounds;
  setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  drawScores($("scores"), info.scores);
  connect();
  openTab("tracks");
  changed();
  note(info.notes.join(" "));
  player.seek(0);
  showPlaying();
  document.documentElement.dataset.ready = "yes";
}

begin();
window.poseflow = { data, state, player, edits, timeline, overlay, seek, select, color };
