// Facts of every track under the current ids: rows, runs of frames, length, speed.

import { centre } from "./data.js";

const LONGEST_GAP = 1;

export function computeTracks(data, ids) {
  const tracks = new Map();
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row];
    if (id < 0) continue;
    let track = tracks.get(id);
    if (!track) tracks.set(id, (track = { id, rows: [] }));
    track.rows.push(row);
  }
  for (const track of tracks.values()) describeTrack(data, track);
  return tracks;
}

function describeTrack(data, track) {
  const { rows } = track;
  const { position, times, boxes, scores } = data;
  track.first = position[rows[0]];
  track.last = position[rows[rows.length - 1]];
  track.runs = [];
  let [score, distance, height] = [0, 0, 0];
  let before = null;
  let run = null;
  for (const row of rows) {
    const frame = position[row];
    score += scores[row];
    height += (boxes[4 * row + 3] - boxes[4 * row + 1]) * data.info.step;
    const here = centre(data, row);
    if (before) distance += Math.hypot(here[0] - before[0], here[1] - before[1]);
    before = here;
    if (run && frame - run[1] <= LONGEST_GAP) run[1] = frame;
    else track.runs.push((run = [frame, frame]));
  }
  track.score = score / rows.length;
  track.distance = distance;
  track.height = height / rows.length;
  const span = data.info.timed ? times[track.last] - times[track.first] : track.last - track.first;
  track.seconds = span;
  track.speed = span > 0 ? distance / span : 0;
}

// The row of a track in a frame, or -1.
export function rowInFrame(data, ids, frame, track) {
  for (let row = data.bounds[frame]; row < data.bounds[frame + 1]; row++) if (ids[row] === track) return row;
  return -1;
}

// The latest rows of a track up to a frame, oldest first.
export function recentRows(data, track, frame, length) {
  const { rows } = track;
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.position[rows[middle]] <= frame) low = middle + 1;
    else high = middle;
  }
  const recent = [];
  for (let k = low - 1; k >= 0 && data.position[rows[k]] > frame - length; k--) recent.push(rows[k]);
  return recent.reverse();
}
