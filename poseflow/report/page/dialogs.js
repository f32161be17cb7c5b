// Dialogs: one question with a field, and the list of keys.

import { make } from "./panels.js";

const KEY_HELP = [
  ["Space", "Play or pause"], ["← →", "One frame back, forward"], ["Shift + ← →", "One second back, forward"],
  ["Home End", "First, last frame"], ["N P", "Next, previous place in the list of events"], ["J K", "Next, previous track"],
  ["Enter", "Go to the start of the selected track"], ["Esc", "Select nothing"],
  ["R", "Name the selected track"], ["M", "Merge it with another"], ["X", "Swap it with another from here on"],
  ["S", "Split it here"], ["Delete", "Delete it"], ["Ctrl + Z", "Undo"], ["Ctrl + Shift + Z", "Redo"], ["Ctrl + S", "Download corrections"],
  ["1 – 5", "Tracks, events, frame, scores, corrections"], ["/", "Search tracks"], ["+ − 0", "Zoom the timeline: in, out, all"],
  ["I T B G", "Ids, trails, boxes, ground truth"], ["D", "Light or dark"], ["?", "These keys"],
  ["Ctrl + click", "Select a second track, to merge or swap"], ["Ctrl + wheel", "Zoom the timeline"], ["Shift + drag", "Move the timeline"],
];

export function showKeys() {
  const table = document.getElementById("keys-table");
  table.replaceChildren(...KEY_HELP.map(([key, what]) => make("tr", {}, make("td", {}, make("kbd", {}, key)), make("td", {}, what))));
  document.getElementById("keys").showModal();
}

// Asks for a value; `accept` returns why it cannot be taken, or nothing.
export function ask({ title, text, label, value, options }, accept) {
  const dialog = document.getElementById("ask");
  const field = document.getElementById("ask-value");
  const error = document.getElementById("ask-error");
  document.getElementById("ask-title").textContent = title;
  document.getElementById("ask-text").textContent = text;
  document.querySelector("#ask-label span").textContent = label;
  document.getElementById("ask-label").hidden = !label;
  document.getElementById("ask-options").replaceChildren(...(options || []).map(([id, name]) => make("option", { value: id }, name)));
  field.value = value === undefined ? "" : value;
  error.textContent = "";
  dialog.querySelector("form").onsubmit = (event) => {
    const problem = accept(field.value);
    error.textContent = problem || "";
    if (problem) event.preventDefault();
  };
  document.getElementById("ask-cancel").onclick = () => dialog.close();
  dialog.showModal();
  if (label) field.select();
  else document.getElementById("ask-ok").focus();
}
