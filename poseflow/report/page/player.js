// Playback: a video, images, or a clock alone, all by the number of the frame.

import { decodeBase64 } from "./data.js";

const IMAGES_KEPT = 60;

export class Player {
  constructor(data, page, shown, failed) {
    this.data = data;
    this.shown = shown; // called with the frame that is on the screen
    this.frame = 0;
    this.playing = false;
    this.speed = 1;
    this.video = page.getElementById("video");
    this.picture = page.getElementById("picture");
    this.images = new Map();
    const { media } = data.info;
    this.kind = media.kind;
    if (this.kind === "video") this.openVideo(page, media, failed);
    if (this.kind === "images") this.picture.hidden = false;
    this.seconds = data.info.timed ? data.times : data.times.map((_, k) => k / (data.info.fps || 25));
  }

  openVideo(page, media, failed) {
    const { video } = this;
    const element = page.getElementById("embedded");
    const text = element.textContent;
    element.remove();
    video.addEventListener("error", () => {
      this.kind = "none";
      video.hidden = true;
      failed(media.sources[0] || "the embedded video");
      this.seek(this.frame);
    });
    video.addEventListener("ended", () => this.pause());
    video.addEventListener("loadeddata", () => this.seek(this.frame));
    video.addEventListener("seeked", () => {
      this.seeking = false;
      if (this.wanted !== undefined && this.wanted !== this.asked) this.seekVideo(this.wanted);
    });
    video.src = text ? URL.createObjectURL(new Blob([decodeBase64(text)], { type: media.type })) : media.sources[0];
    video.hidden = false;
    if (video.requestVideoFrameCallback) {
      const follow = (_, meta) => {
        if (this.playing) this.show(this.frameAt(meta.mediaTime + 1e-3));
        video.requestVideoFrameCallback(follow);
      };
      video.requestVideoFrameCallback(follow);
    }
  }

  // The frame that is on the screen at a time: the last one that is not later.
  frameAt(seconds) {
    let low = 0;
    let high = this.data.frames;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seconds[middle] <= seconds) low = middle + 1;
      else high = middle;
    }
    return Math.max(low - 1, 0);
  }

  show(frame) {
    this.frame = frame;
    if (this.kind === "images") this.showImage(frame);
    this.shown(frame);
  }

  seek(frame) {
    const last = Math.max(this.data.frames - 1, 0);
    const target = Math.min(Math.max(frame, 0), last);
    if (this.kind === "video") {
      this.wanted = target;
      if (!this.seeking) this.seekVideo(target);
    }
    if (this.playing) this.begin(target);
    this.show(target);
  }

  // One seek at a time: while scrubbing, the latest frame that was asked for is next.
  seekVideo(frame) {
    if (!this.video.readyState) return;
    this.seeking = true;
    this.asked = frame;
    const next = this.seconds[Math.min(frame + 1, this.data.frames - 1)];
    const length = next > this.seconds[frame] ? next - this.seconds[frame] : 0.02;
    this.video.currentTime = this.seconds[frame] + length / 2;
  }

  begin(frame) {
    this.start = [performance.now(), this.seconds[frame] || 0];
  }

  play() {
    if (this.playing || this.data.frames < 2) return;
    if (this.frame >= this.data.frames - 1) this.seek(0);
    this.playing = true;
    this.begin(this.frame);
    if (this.kind === "video") {
      this.video.playbackRate = this.speed;
      this.video.play().catch(() => this.pause());
    }
    this.tick();
  }

  tick() {
    if (!this.playing) return;
    if (this.kind !== "video") {
      const [began, from] = this.start;
      const now = from + ((performance.now() - began) / 1000) * this.speed;
      this.show(this.frameAt(now + 1e-6));
      if (this.frame >= this.data.frames - 1) return void this.pause();
    } else if (!this.video.requestVideoFrameCallback) {
      this.show(this.frameAt(this.video.currentTime));
    }
    requestAnimationFrame(() => this.tick());
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.video.pause();
    this.seek(this.frame);
  }

  setSpeed(speed) {
    this.speed = speed;
    this.video.playbackRate = speed;
    this.begin(this.frame);
  }

  showImage(frame) {
    let image = this.images.get(frame);
    if (!image) {
      image = new Image();
      image.onload = () => this.frame === frame && this.drawImage(image);
      image.src = this.data.info.media.sources[frame];
      this.images.set(frame, image);
      if (this.images.size > IMAGES_KEPT) this.images.delete(this.images.keys().next().value);
    }
    if (image.complete && image.naturalWidth) this.drawImage(image);
  }

  drawImage(image) {
    const { picture } = this;
    [picture.width, picture.height] = [image.naturalWidth, image.naturalHeight];
    picture.getContext("2d").drawImage(image, 0, 0);
  }
}
