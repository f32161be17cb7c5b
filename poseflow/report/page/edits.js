// Corrections of tracks, with undo and redo. They follow the rules of `poseflow edit`.

const REMOVED = -2;

export class Edits {
  constructor(data) {
    this.data = data;
    this.done = [];
    this.undone = [];
    this.reset();
  }

  reset() {
    this.ids = this.data.ids.slice();
    this.names = new Map(Object.entries(this.data.info.names).map(([id, name]) => [Number(id), name]));
  }

  // Makes a correction; returns why it cannot be made, or nothing.
  add(correction) {
    const before = [this.ids.slice(), new Map(this.names)];
    const problem = this.correct(correction);
    if (problem) {
      [this.ids, this.names] = before;
      return problem;
    }
    this.done.push(correction);
    this.undone = [];
    return "";
  }

  undo() {
    const last = this.done.pop();
    if (!last) return null;
    this.undone.push(last);
    this.reset();
    for (const correction of this.done) this.correct(correction);
    return last;
  }

  redo() {
    const next = this.undone.pop();
    if (!next) return null;
    this.correct(next);
    this.done.push(next);
    return next;
  }

  rows(track) {
    const rows = [];
    for (let row = 0; row < this.ids.length; row++) if (this.ids[row] === track) rows.push(row);
    return rows;
  }

  newId() {
    return this.ids.reduce((most, id) => Math.max(most, id), 0) + 1;
  }

  correct(correction) {
    const { track } = correction;
    const rows = this.rows(track);
    if (track < 0 || !rows.length) return `There is no track ${track}.`;
    switch (correction.action) {
      case "merge": return this.merge(track, rows, correction.others);
      case "split": return this.split(track, rows, correction);
      case "swap": return this.swap(track, correction.other, correction.frame);
      case "delete":
        for (const row of rows) this.ids[row] = REMOVED;
        this.names.delete(track);
        return "";
      default: return this.name(track, correction.name);
    }
  }

  merge(track, rows, others) {
    for (const other of others) {
      const more = this.rows(other);
      if (other === track) return "A track cannot be merged with itself.";
      if (!more.length) return `There is no track ${other}.`;
      const frames = new Set(rows.map((row) => this.data.position[row]));
      const both = more.map((row) => this.data.position[row]).filter((frame) => frames.has(frame));
      if (both.length) {
        const shown = both.slice(0, 5).map((frame) => this.data.numbers[frame]).join(", ");
        const more = both.length > 5 ? ` and ${both.length - 5} more` : "";
        return `Tracks ${track} and ${other} are two people: both are in frame ${shown}${more}. Split or delete one of them there first.`;
      }
      for (const row of more) this.ids[row] = track;
      const name = this.names.get(other);
      this.names.delete(other);
      if (name !== undefined && !this.names.has(track)) this.names.set(track, name);
    }
    return "";
  }

  split(track, rows, correction) {
    const { indices, position, numbers } = this.data;
    const first = position[rows[0]];
    const last = position[rows[rows.length - 1]];
    const later = rows.filter((row) => indices[position[row]] >= correction.frame);
    if (later.length === rows.length || !later.length) {
      return `Track ${track} lasts from frame ${numbers[first]} to ${numbers[last]}; go to a frame after its first.`;
    }
    for (const row of later) this.ids[row] = correction.new;
    return "";
  }

  swap(track, other, frame) {
    if (track === other) return "A track cannot be swapped with itself.";
    const { indices, position } = this.data;
    if (!this.rows(other).length) return `There is no track ${other}.`;
    let changed = 0;
    for (let row = 0; row < this.ids.length; row++) {
      if (indices[position[row]] < frame) continue;
      if (this.ids[row] === track) this.ids[row] = other;
      else if (this.ids[row] === other) this.ids[row] = track;
      else continue;
      changed += 1;
    }
    return changed ? "" : `Neither track ${track} nor ${other} is in this frame or later.`;
  }

  name(track, text) {
    const name = text.trim();
    if ([...name].length > 100 || /\p{C}/u.test(name)) return "A name has up to 100 characters, without control characters.";
    if (name) this.names.set(track, name);
    else this.names.delete(track);
    return "";
  }

  file() {
    const { info } = this.data;
    const content = {
      poseflow: "corrections", version: 1, result: info.result, fingerprint: info.fingerprint, corrections: this.done,
    };
    return `${JSON.stringify(content, null, 1)}\n`;
  }
}

export function describe(correction, number) {
  const { track } = correction;
  switch (correction.action) {
    case "merge": return `Merge ${correction.others.join(", ")} into ${track}`;
    case "split": return `Split ${track} at frame ${number(correction.frame)}: ${correction.new} from there on`;
    case "swap": return `Swap ${track} and ${correction.other} from frame ${number(correction.frame)} on`;
    case "delete": return `Delete track ${track}`;
    default: return correction.name ? `Name ${track}: ${correction.name}` : `Remove the name of ${track}`;
  }
}
