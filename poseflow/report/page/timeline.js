// The timeline: tracks as bars in lanes, events above them, zoom, and a playhead.

import { color, inkOn } from "./data.js";

const [HEAD, LANE, BAR] = [30, 16, 12];
const LEAST_SPAN = 10;
export const EVENT_COLORS = {
  switch: "#e5484d", missed: "#9b59d0", "false positive": "#e08a00",
  "possible switch": "#d9a300", birth: "#4f9d69", "re-identification": "#3c8dde",
};

export class Timeline {
  constructor(canvas, boxElement, tip, data, actions) {
    Object.assign(this, { canvas, box: boxElement, tip, data, actions });
    this.from = 0;
    this.to = Math.max(data.frames, 1);
    this.still = document.createElement("canvas"); // all but the playhead
    this.lanes = [];
    this.stale = true;
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => (this.drag = null));
    canvas.addEventListener("pointerleave", () => (tip.hidden = true));
  }

  // Tracks that do not overlap share a lane.
  arrange(tracks) {
    const ends = [];
    this.lanes = [];
    const ordered = [...tracks.values()].sort((a, b) => a.first - b.first || a.id - b.id);
    this.laneOf = new Map();
    const gap = this.data.frames / 400;
    for (const track of ordered) {
      let lane = ends.findIndex((end) => end + gap < track.first);
      if (lane < 0) lane = ends.length;
      ends[lane] = track.last;
      (this.lanes[lane] ||= []).push(track);
      this.laneOf.set(track.id, lane);
    }
    this.stale = true;
  }

  fit() {
    const density = window.devicePixelRatio || 1;
    const width = this.box.clientWidth;
    const height = Math.max(HEAD + this.lanes.length * LANE + 8, this.box.clientHeight - 2);
    if (this.wide === width && this.tall === height && this.density === density) return;
    [this.wide, this.tall, this.density] = [width, height, density];
    for (const canvas of [this.canvas, this.still]) {
      canvas.width = Math.max(Math.round(width * density), 1);
      canvas.height = Math.max(Math.round(height * density), 1);
    }
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    this.stale = true;
  }

  x(frame) {
    return ((frame - this.from) / (this.to - this.from)) * this.wide;
  }

  frameAt(x) {
    const frame = Math.floor(this.from + (x / this.wide) * (this.to - this.from));
    return Math.min(Math.max(frame, 0), Math.max(this.data.frames - 1, 0));
  }

  draw(state) {
    this.fit();
    if (this.stale) this.drawStill(state);
    this.stale = false;
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.still, 0, 0);
    context.setTransform(this.density, 0, 0, this.density, 0, 0);
    const x = this.x(state.frame + 0.5);
    context.fillStyle = this.style("--accent");
    context.fillRect(x - 1, 0, 2, this.tall);
    context.beginPath();
    context.moveTo(x - 5, 0);
    context.lineTo(x + 5, 0);
    context.lineTo(x, 7);
    context.fill();
  }

  style(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  drawStill(state) {
    const context = this.still.getContext("2d");
    context.setTransform(this.density, 0, 0, this.density, 0, 0);
    context.clearRect(0, 0, this.wide, this.tall);
    const [soft, line, ink] = ["--soft", "--line", "--ink"].map((name) => this.style(name));
    this.drawScale(context, soft, line);
    context.font = "600 10px system-ui, sans-serif";
    context.textBaseline = "middle";
    this.lanes.forEach((lane, number) => {
      const y = HEAD + number * LANE + (LANE - BAR) / 2;
      for (const track of lane) this.drawTrack(context, state, track, y, ink);
    });
    for (const event of state.events) this.drawEvent(context, event);
  }

  drawScale(context, soft, line) {
    const steps = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];
    const step = steps.find((each) => this.x(this.from + each) > 70) || 200000;
    context.font = "10px system-ui, sans-serif";
    context.textBaseline = "top";
    for (let frame = Math.ceil(this.from / step) * step; frame < this.to && frame < this.data.frames; frame += step) {
      const x = Math.round(this.x(frame)) + 0.5;
      context.fillStyle = line;
      context.fillRect(x, 12, 1, this.tall);
      context.fillStyle = soft;
      context.fillText(String(this.data.numbers[frame]), x + 3, 1);
    }
  }

  drawTrack(context, state, track, y, ink) {
    if (this.x(track.last + 1) < 0 || this.x(track.first) > this.wide) return;
    const chosen = track.id === state.selected || track.id === state.other;
    const fade = state.selected >= 0 && !chosen;
    context.globalAlpha = fade ? 0.35 : 1;
    context.fillStyle = color(this.data, track.id);
    let [a, b] = [this.x(track.first), this.x(track.last + 1)];
    context.globalAlpha *= 0.35;
    context.fillRect(a, y + BAR / 2 - 1, Math.max(b - a, 1), 2);
    context.globalAlpha = fade ? 0.35 : 1;
    for (const [first, last] of track.runs) {
      const [from, to] = [this.x(first), this.x(last + 1)];
      if (to >= 0 && from <= this.wide) context.fillRect(from, y, Math.max(to - from, 1), BAR);
    }
    if (chosen) {
      context.strokeStyle = ink;
      context.lineWidth = 1.5;
      context.strokeRect(a - 1, y - 1, Math.max(b - a, 1) + 2, BAR + 2);
    }
    a = Math.max(a, 0);
    const text = state.edits.names.get(track.id) || String(track.id);
    if (Math.min(b, this.wide) - a > context.measureText(text).width + 6) {
      context.fillStyle = inkOn(color(this.data, track.id));
      context.fillText(text, a + 3, y + BAR / 2 + 0.5);
    }
    context.globalAlpha = 1;
  }

  drawEvent(context, event) {
    const [from, to] = [this.x(event.at), this.x(event.to + 1)];
    if (to < 0 || from > this.wide) return;
    context.fillStyle = EVENT_COLORS[event.kind];
    if (event.kind === "missed" || event.kind === "false positive") {
      context.globalAlpha = 0.6;
      context.fillRect(from, event.kind === "missed" ? 14 : 18, Math.max(to - from, 1.5), 3);
    } else if (event.kind === "switch") {
      context.fillRect(from, 14, 2, this.tall);
      context.beginPath();
      context.moveTo(from - 4, 13);
      context.lineTo(from + 6, 13);
      context.lineTo(from + 1, 21);
      context.fill();
    } else if (event.suspicion >= 0.02) {
      const tall = 3 + 10 * Math.min(event.suspicion * 2, 1);
      context.globalAlpha = 0.85;
      context.fillRect(from, HEAD - 2 - tall, 2, tall);
    }
    context.globalAlpha = 1;
  }

  zoom(factor, around) {
    const span = Math.min(Math.max((this.to - this.from) * factor, LEAST_SPAN), Math.max(this.data.frames, LEAST_SPAN));
    const part = (around - this.from) / (this.to - this.from);
    this.setRange(around - part * span, span);
  }

  setRange(from, span) {
    const most = Math.max(this.data.frames, LEAST_SPAN);
    this.from = Math.min(Math.max(from, 0), Math.max(most - span, 0));
    this.to = this.from + Math.min(span, most);
    this.stale = true;
    this.actions.changed();
  }

  // Keeps the playhead in view.
  follow(frame) {
    const span = this.to - this.from;
    if (frame < this.from || frame >= this.to) this.setRange(frame - span / 4, span);
  }

  wheel(event) {
    const across = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!across && !event.ctrlKey && !event.shiftKey && this.box.scrollHeight > this.box.clientHeight + 4 && !event.altKey) return;
    event.preventDefault();
    const span = this.to - this.from;
    if (across) this.setRange(this.from + (event.deltaX / this.wide) * span, span);
    else this.zoom(Math.exp(event.deltaY / 300), this.from + (event.offsetX / this.wide) * span);
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = { x: event.offsetX, from: this.from, pan: event.shiftKey || event.button === 1 };
    if (this.drag.pan) return;
    this.actions.seek(this.frameAt(event.offsetX));
    const track = this.trackAt(event.offsetX, event.offsetY);
    if (track) this.actions.select(track.id, event.ctrlKey || event.metaKey);
  }

  trackAt(x, y) {
    const frame = this.from + (x / this.wide) * (this.to - this.from);
    const near = ((this.to - this.from) / this.wide) * 3;
    const lane = this.lanes[Math.floor((y - HEAD) / LANE)];
    return lane && lane.find((track) => frame >= track.first - near && frame <= track.last + 1 + near);
  }

  move(event) {
    if (this.drag) {
      const span = this.to - this.from;
      if (this.drag.pan) this.setRange(this.drag.from - ((event.offsetX - this.drag.x) / this.wide) * span, span);
      else this.actions.seek(this.frameAt(event.offsetX));
      return;
    }
    const text = this.actions.describe(this.frameAt(event.offsetX), this.trackAt(event.offsetX, event.offsetY), event.offsetY < HEAD);
    this.tip.hidden = !text;
    this.tip.textContent = text;
    this.tip.style.left = `${Math.min(event.clientX + 12, window.innerWidth - 220)}px`;
    this.tip.style.top = `${event.clientY + 14}px`;
  }
}
