// SPDX-FileCopyrightText: 2026 The Varco authors
// SPDX-License-Identifier: EUPL-1.2
// Other cameras that look at what an alarm's camera shows: the nearest first, one click to a picture.

import { get, query } from "../api.js";
import { h, reconcile } from "../dom.js";
import { number, t } from "../i18n.js";
import { Card } from "./cameras.js";

const MOST = 8;
const SHOWN = 3;
const POLL_MS = 5000;
const AWAY = "guarda-altrove";

/** The list below an alarm; it stays hidden while there is nothing to show. */
export class Near {
  constructor(alarm) {
    this.alarm = alarm;
    this.cards = new Map();
    this.gone = new AbortController();
    this.list = h("ul", { class: "cards near" });
    this.element = h("section", { class: "near-cameras", "aria-labelledby": "near-title", hidden: true },
      h("h2", { id: "near-title" }, t("near.title")), this.list);
  }

  /** Asks now and then, so that a state shown is a state that holds. */
  enter() {
    this.refresh();
    this.timer = setInterval(() => { if (!document.hidden) this.refresh(); }, POLL_MS);
  }

  /** Ends every picture and forgets the list. */
  leave() {
    this.gone.abort();
    clearInterval(this.timer);
    for (const card of this.cards.values()) card.close();
    this.element.hidden = true;
  }

  async refresh() {
    let found;
    try {
      found = await get(`/api/cameras/nearest?${query({ alarm: this.alarm, most: MOST })}`, { signal: this.gone.signal });
    } catch {
      return; // the list is a help: what was found last stays, or nothing is shown
    }
    if (this.gone.signal.aborted) return;
    const shown = found.filter((one) => one.look !== AWAY).slice(0, SHOWN);
    this.element.hidden = !shown.length;
    reconcile(this.list, shown, (one) => one.camera.id, (one) => this.build(one), (_, one) => this.cards.get(one.camera.id).update(one.camera));
  }

  build({ camera, distance_m: distance, look }) {
    const where = h("p", { class: "near-where" }, t(`near.${look}`, { n: number(distance) }));
    const card = new Card(camera, () => {}, where);
    this.cards.set(camera.id, card);
    card.update(camera);
    return h("li", {}, card.element);
  }
}
