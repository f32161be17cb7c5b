// The data of the page: facts from JSON, and typed arrays over one block of bytes.

const ARRAYS = {
  uint8: Uint8Array, int16: Int16Array, int32: Int32Array, uint32: Uint32Array, float32: Float32Array, float64: Float64Array,
};

export function decodeBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < letters.length; k++) bytes[k] = letters.charCodeAt(k);
  return bytes;
}

// Frames are numbered from 0 on the page; `numbers` are those shown to people, `indices`
// those of the result, which corrections name. People are rows, ordered by frame.
export function loadData(page) {
  const info = JSON.parse(page.getElementById("info").textContent);
  const element = page.getElementById("columns");
  const bytes = decodeBase64(element.textContent);
  element.remove();
  const data = { info, joints: info.skeleton.joints.length };
  for (const [name, [type, offset, length]] of Object.entries(info.columns)) {
    data[name] = new ARRAYS[type](bytes.buffer, bytes.byteOffset + offset, length);
  }
  data.frames = data.numbers.length;
  data.people = data.ids.length;
  data.position = new Uint32Array(data.people);
  for (let frame = 0; frame < data.frames; frame++) {
    data.position.fill(frame, data.bounds[frame], data.bounds[frame + 1]);
  }
  return data;
}

export function centre(data, row) {
  const b = 4 * row;
  const { boxes } = data;
  const step = data.info.step / 2;
  return [(boxes[b] + boxes[b + 2]) * step, (boxes[b + 1] + boxes[b + 3]) * step];
}

export function box(data, row) {
  const b = 4 * row;
  const { boxes } = data;
  const { step } = data.info;
  return [boxes[b] * step, boxes[b + 1] * step, boxes[b + 2] * step, boxes[b + 3] * step];
}

// The page's frame of a frame of the result: the first one that is not before it.
export function frameOfIndex(data, index) {
  let low = 0;
  let high = data.frames;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (data.indices[middle] < index) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function color(data, track) {
  const { palette } = data.info;
  return track < 0 ? "#a8a8a8" : palette[track % palette.length];
}

// Black or white, whichever reads better on a colour (relative luminance, BT.601).
export function inkOn(hex) {
  const [red, green, blue] = [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 118 ? "#101214" : "#ffffff";
}
