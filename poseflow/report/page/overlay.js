// The overlay: skeletons, labels, trails and boxes of a frame on a canvas.

import { box, centre, color, inkOn } from "./data.js";
import { recentRows } from "./tracks.js";

const TRAIL_FRAMES = 30;
const FAINT_BELOW = 0.3 * 255;
const REACH = 18; // pixels on the screen around a person that a click still hits

export class Overlay {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.data = data;
    this.context = canvas.getContext("2d");
    this.limbs = data.info.skeleton.limbs;
  }

  // Fits the canvas into the stage; returns its place in CSS pixels.
  fit(stage) {
    const [width, height] = this.data.info.size;
    const scale = Math.min(stage.clientWidth / width, stage.clientHeight / height);
    const place = {
      left: (stage.clientWidth - width * scale) / 2, top: (stage.clientHeight - height * scale) / 2,
      width: width * scale, height: height * scale,
    };
    const density = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(Math.round(place.width * density), 1);
    this.canvas.height = Math.max(Math.round(place.height * density), 1);
    this.scale = scale;
    this.density = density;
    return place;
  }

  draw(state) {
    const { context, canvas, data } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const zoom = this.scale * this.density;
    context.setTransform(zoom, 0, 0, zoom, 0, 0);
    context.lineCap = context.lineJoin = "round";
    if (!data.frames) return;
    const rows = [];
    for (let row = data.bounds[state.frame]; row < data.bounds[state.frame + 1]; row++) {
      if (state.edits.ids[row] > -2) rows.push(row);
    }
    rows.sort((a, b) => data.boxes[4 * a + 3] - data.boxes[4 * b + 3]);
    if (state.show.truth) this.drawTruth(state.frame);
    if (state.show.trails) for (const row of rows) this.drawTrail(state, row);
    for (const row of rows) this.drawPerson(state, row);
    if (state.show.labels) this.drawLabels(state, rows);
  }

  width(row) {
    const [x1, y1, x2, y2] = box(this.data, row);
    const most = Math.max(...this.data.info.size) / 220;
    return Math.min(Math.max(Math.max(y2 - y1, x2 - x1) / 60, 1.3 / this.scale), Math.max(most, 2 / this.scale));
  }

  drawTruth(frame) {
    const { context, data } = this;
    if (!data.truth_bounds) return;
    const { step } = data.info;
    context.setLineDash([6 / this.scale, 4 / this.scale]);
    context.lineWidth = 1.5 / this.scale;
    context.strokeStyle = "#ffffff";
    context.fillStyle = "#ffffff";
    context.font = `${11 / this.scale}px system-ui, sans-serif`;
    for (let row = data.truth_bounds[frame]; row < data.truth_bounds[frame + 1]; row++) {
      const [x1, y1, x2, y2] = [0, 1, 2, 3].map((k) => data.truth_boxes[4 * row + k] * step);
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
      context.fillText(`person ${data.truth_ids[row]}`, x1 + 3 / this.scale, y2 - 4 / this.scale);
    }
    context.setLineDash([]);
  }

  drawTrail(state, row) {
    const { context, data } = this;
    const track = state.tracks.get(state.edits.ids[row]);
    if (!track) return;
    const points = recentRows(data, track, state.frame, TRAIL_FRAMES).map((each) => centre(data, each));
    if (points.length < 2) return;
    context.strokeStyle = color(data, track.id);
    const width = this.width(row);
    const parts = 4;
    for (let part = 0; part < parts; part++) {
      const from = Math.floor((part * (points.length - 1)) / parts);
      const to = Math.floor(((part + 1) * (points.length - 1)) / parts);
      if (from === to) continue;
      context.globalAlpha = 0.2 + 0.15 * part;
      context.lineWidth = width * (0.6 + 0.2 * part);
      context.beginPath();
      for (let k = from; k <= to; k++) context.lineTo(...points[k]);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  drawPerson(state, row) {
    const { context, data } = this;
    const id = state.edits.ids[row];
    const chosen = id >= 0 && id === state.selected;
    const other = id >= 0 && id === state.other;
    const line = color(data, id);
    const width = this.width(row);
    context.globalAlpha = state.selected >= 0 && !chosen && !other ? 0.55 : 1;
    if (state.show.boxes || chosen || other) {
      const [x1, y1, x2, y2] = box(data, row);
      context.lineWidth = (chosen || other ? 2.5 : 1.2) / this.scale;
      context.strokeStyle = chosen || other ? "#ffffff" : line;
      context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    if (state.show.skeletons) {
      const { step } = data.info;
      const at = row * data.joints;
      for (const [rim, style] of [[1.9 * width, "rgb(0 0 0 / .65)"], [width, line]]) {
        context.strokeStyle = style;
        context.lineWidth = rim;
        for (const faint of [true, false]) {
          context.beginPath();
          for (const [a, b] of this.limbs) {
            const mark = Math.min(data.marks[at + a], data.marks[at + b]);
            if (!mark || (mark < FAINT_BELOW) !== faint) continue;
            context.moveTo(data.points[2 * (at + a)] * step, data.points[2 * (at + a) + 1] * step);
            context.lineTo(data.points[2 * (at + b)] * step, data.points[2 * (at + b) + 1] * step);
          }
          const alpha = context.globalAlpha;
          if (faint) context.globalAlpha = alpha * 0.45;
          context.stroke();
          context.globalAlpha = alpha;
        }
      }
      context.fillStyle = "#ffffff";
      context.beginPath();
      for (let joint = 0; joint < data.joints; joint++) {
        if (data.marks[at + joint] < FAINT_BELOW) continue;
        const [x, y] = [data.points[2 * (at + joint)] * step, data.points[2 * (at + joint) + 1] * step];
        context.moveTo(x + width * 0.6, y);
        context.arc(x, y, width * 0.6, 0, 7);
      }
      context.fill();
    }
    context.globalAlpha = 1;
  }

  // Labels above the heads; one that would cover another moves up.
  drawLabels(state, rows) {
    const { context, data } = this;
    const size = 12 / this.scale;
    const [pad, tall] = [5 / this.scale, 17 / this.scale];
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textBaseline = "middle";
    const placed = [];
    for (const row of [...rows].reverse()) {
      const id = state.edits.ids[row];
      if (id < 0) continue;
      const text = state.edits.names.get(id) || String(id);
      const wide = context.measureText(text).width + 2 * pad;
      const [x1, y1, x2] = box(data, row);
      const [most, deepest] = data.info.size;
      const x = Math.min(Math.max((x1 + x2 - wide) / 2, 0), most - wide);
      let y = Math.min(Math.max(y1 - tall - 4 / this.scale, 0), deepest - tall);
      for (let tries = 0; tries < 12; tries++) {
        const hit = placed.find((p) => x < p.x + p.wide && p.x < x + wide && y < p.y + tall && p.y < y + tall);
        if (!hit) break;
        y = hit.y - tall - 1 / this.scale;
        if (y < 0) y = hit.y + tall + 1 / this.scale;
      }
      placed.push({ x, y, wide });
      context.fillStyle = color(data, id);
      context.beginPath();
      context.roundRect(x, y, wide, tall, 4 / this.scale);
      context.fill();
      if (id === state.selected) {
        context.strokeStyle = "#ffffff";
        context.lineWidth = 1.5 / this.scale;
        context.stroke();
      }
      context.fillStyle = inkOn(color(data, id));
      context.fillText(text, x + pad, y + tall / 2 + 0.5 / this.scale);
    }
  }

  // The track at a place on the screen, in CSS pixels from the canvas's corner; or -1.
  trackAt(state, x, y) {
    const { data } = this;
    const [px, py] = [x / this.scale, y / this.scale];
    let [best, nearest] = [-1, REACH / this.scale];
    for (let row = data.bounds[state.frame]; row < data.bounds[state.frame + 1]; row++) {
      const id = state.edits.ids[row];
      if (id < 0) continue;
      for (const [a, b] of this.limbs) {
        const away = this.distance(row, a, b, px, py);
        if (away < nearest) [best, nearest] = [id, away];
      }
      const [x1, y1, x2, y2] = box(data, row);
      if (best < 0 && px >= x1 && px <= x2 && py >= y1 && py <= y2) best = id;
    }
    return best;
  }

  distance(row, a, b, x, y) {
    const { data } = this;
    const { step } = data.info;
    const at = row * data.joints;
    if (!data.marks[at + a] || !data.marks[at + b]) return Infinity;
    const [ax, ay] = [data.points[2 * (at + a)] * step, data.points[2 * (at + a) + 1] * step];
    const [bx, by] = [data.points[2 * (at + b)] * step, data.points[2 * (at + b) + 1] * step];
    const long = (bx - ax) ** 2 + (by - ay) ** 2;
    const t = long ? Math.min(Math.max(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / long, 0), 1) : 0;
    return Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay));
  }
}
