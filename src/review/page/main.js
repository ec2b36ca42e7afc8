"use strict";
// Opens the page: which source, which words, who reviews, where to begin.
(() => {
  const { by, desk, memory, words, t, frame } = Trapline;

  /** Asks who reviews; a name given before is there already. */
  const askName = (known) =>
    new Promise((resolve) => {
      const dialog = by("reviewer");
      by("reviewer-name").value = known ?? "";
      dialog.showModal();
      by("reviewer-name").select();
      let isNamed = false;
      // Nobody can answer without a name; whoever only thought of another one may leave it.
      dialog.addEventListener("close", () => !isNamed && !desk.reviewer && dialog.showModal());
      by("reviewer-form").addEventListener("submit", (event) => {
        const name = by("reviewer-name").value.trim();
        if (name && !/[+/\\\p{Cc}]/u.test(name)) {
          isNamed = true;
          resolve(name);
          return;
        }
        event.preventDefault();
        by("reviewer-error").textContent = t("name.wrong");
      });
    });

  /** Where this reviewer was last; a queue that grew shorter begins anew. */
  const place = () => {
    const kept = Number(memory.read(desk.placeKey) ?? 0);
    return Number.isInteger(kept) && kept >= 0 && kept < desk.queue.total ? kept : 0;
  };

  const begin = async () => {
    const { session } = desk;
    const nameKey = `reviewer:${session.pipeline}`;
    const carried = Trapline.Pending.reviewer(session, desk.source.carried);
    desk.reviewer = session.reviewer ?? memory.read(nameKey) ?? (await askName(carried ?? memory.read("reviewer")));
    if (!session.reviewer) {
      memory.write(nameKey, desk.reviewer);
      memory.write("reviewer", desk.reviewer);
    }
    desk.placeKey = `place:${session.pipeline}/${session.step}/${session.role}/${desk.reviewer}`;
    desk.queue = new Trapline.Queue(desk.source, desk.reviewer);
    desk.pictures = new Trapline.Pictures(desk.source);
    desk.history = new Trapline.History(desk);
    desk.pending = new Trapline.Pending(desk);
    await desk.queue.open();
    desk.revision = desk.queue.revision;
    desk.counts = (await desk.source.changes(desk.reviewer, desk.revision)).counts;
    by("desk").hidden = false;
    for (const part of ["stage", "seeing", "trouble", "classes", "facts", "strip", "finder", "select", "goto", "grid", "progress", "frame", "keys"])
      Trapline[part].start();
    if (desk.queue.total === 0)
      return frame.gate(t("empty.title"), t(session.role === "adjudicate" ? "empty.agree" : "empty.text"));
    const linked = desk.source.wanted ? await Trapline.goto.place(desk.source.wanted) : null;
    const start = linked === null ? await desk.queue.nextOpen(place()) : await desk.queue.item(linked);
    const first = start ?? (await desk.queue.item(place()));
    await desk.show(first);
    if (!start) desk.end();
    desk.say(t(desk.source.wanted && linked === null ? "link.gone" : "welcome", { n: desk.counts.to_do }));
    for (const entry of desk.pending.left()) desk.resume(entry);
    return undefined;
  };

  Trapline.on("rename", async () => {
    const name = await askName(desk.reviewer);
    if (name === desk.reviewer) return;
    memory.write(`reviewer:${desk.session.pipeline}`, name);
    memory.write("reviewer", name);
    location.reload();
  });

  const open = async () => {
    words.use(words.first(null));
    frame.theme();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => frame.theme());
    try {
      desk.source = by("trapline-data") ? new Trapline.FileSource() : new Trapline.Server();
      desk.session = await desk.source.session();
      words.use(words.first(desk.session), desk.session.strings);
      await begin();
    } catch (error) {
      const kept = memory.has("pending:");
      const isKey = ["no_token", "token"].includes(error.code);
      frame.gate(t(isKey ? "gate.title" : "gate.trouble"), kept ? `${error.message} ${t("gate.pending")}` : error.message);
    }
  };

  // A new fragment in the address bar is a new token.
  addEventListener("hashchange", () => location.reload());
  open();
})();
