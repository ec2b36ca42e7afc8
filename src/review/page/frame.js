"use strict";
// What surrounds the work: head, theme, language, dialogs, the page at the end, and news from the server.
(() => {
  const { by, make, t, desk, memory, words, trouble } = Trapline;
  const POLL_MS = 5000;
  const frame = { isPolling: false };

  const head = () => {
    const { session, counts, source } = desk;
    by("project").textContent = session.pipeline;
    by("step").textContent = session.step;
    by("mode").textContent = t(session.role === "adjudicate" ? "mode.adjudicate" : session.blind ? "mode.blind" : "mode.model");
    by("mode").title = t(
      session.role === "adjudicate" ? "mode.adjudicate_long" : session.blind ? "mode.blind_long" : "mode.model_long",
    );
    by("who").textContent = desk.reviewer;
    by("who").title = t(session.reviewer ? "name.fixed" : "name.change");
    by("who").disabled = Boolean(session.reviewer);
    const all = counts.mine + counts.to_do;
    by("bar").setAttribute("aria-valuemax", String(all));
    by("bar").setAttribute("aria-valuenow", String(counts.mine));
    by("bar").setAttribute("aria-valuetext", t("progress.of", { done: counts.mine, asked: all }));
    by("bar-fill").style.width = `${all ? (counts.mine / all) * 100 : 100}%`;
    const time = Trapline.progress.left();
    by("left").textContent = time ? t("left_time", { n: counts.to_do, time }) : t("left", { n: counts.to_do });
    document.title = `${t("left", { n: counts.to_do })} · ${session.step}`;
    if (source.isFile) {
      const n = source.unsaved(desk.reviewer);
      for (const id of ["save", "end-save"]) {
        by(id).hidden = false;
        by(id).textContent = n ? t("file.save_n", { n }) : t("file.save");
      }
    }
  };

  const save = () => desk.say(t("file.saved", { name: desk.source.save(desk.reviewer) })) ?? head();

  frame.theme = (choice = memory.read("theme")) => {
    const isDark = choice ? choice === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
  };

  const flipTheme = () => {
    const choice = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    memory.write("theme", choice);
    frame.theme(choice);
    desk.say(t(`theme.${choice}`));
  };

  const languages = () => {
    const select = by("language");
    const all = { ...words.names };
    const own = desk.session.language;
    if (own && !(own in all)) all[own] = own;
    select.replaceChildren(...Object.entries(all).map(([value, text]) => make("option", { value, text })));
    select.value = words.language;
    select.addEventListener("change", () => {
      memory.write("language", select.value);
      words.use(select.value, select.value === own ? desk.session.strings : null);
      Trapline.tell("words");
    });
  };

  /** All is answered. */
  frame.end = () => {
    const { counts, session, source } = desk;
    by("end-title").textContent = t("end.title");
    by("end-text").textContent = t("end.text", { n: counts.mine });
    const others = counts.asked - counts.answered;
    const next = source.isFile ? t("end.file") : others > 0 ? t("end.others", { n: others }) : t("end.run");
    by("end-next").replaceChildren(...withCode(next));
    if (counts.disagreements && session.role !== "adjudicate")
      by("end-next").append(" ", ...withCode(t("end.disagreements", { n: counts.disagreements, step: session.step })));
    by("review").hidden = true;
    by("end").hidden = false;
    by("end-title").focus();
  };

  /** Text with `commands` in the type of commands. */
  const withCode = (text) => text.split("`").map((part, place) => (place % 2 ? make("code", { text: part }) : part));

  const leaveEnd = () => {
    if (by("end").hidden) return;
    by("end").hidden = true;
    by("review").hidden = Trapline.grid.isOpen;
    Trapline.stage.place();
  };

  const offline = (error) => {
    const isOff = Boolean(error);
    by("desk").classList.toggle("offline", isOff);
    const n = Trapline.progress.notes.length;
    by("notes").hidden = !isOff && n === 0;
    by("notes").textContent = isOff ? t("offline") : t("notes", { n });
    by("notes").title = isOff ? error.message : Trapline.progress.notes.join("\n");
  };

  /** Hears what changed elsewhere: other tabs, other people, files edited by hand. */
  frame.poll = async () => {
    if (frame.isPolling || document.hidden || by("desk").hidden || desk.source.isFile || !desk.queue) return;
    frame.isPolling = true;
    const { acknowledged } = desk;
    try {
      const news = await desk.source.changes(desk.reviewer, desk.revision);
      offline(null);
      // An answer given meanwhile is newer than these news; they come again.
      if (acknowledged !== desk.acknowledged || desk.isBusy()) return;
      if (news.revision < desk.revision) await restarted();
      desk.revision = news.revision;
      const changed = desk.queue.merge(news.items);
      desk.counts = news.counts;
      if (news.notes?.length) hear(news.notes);
      if (changed.length) Trapline.tell("changed", changed);
      head();
      if (desk.isEnded && desk.counts.to_do > 0) {
        const open = await desk.queue.nextOpen(0);
        if (open) desk.goTo(() => open.at);
      }
    } catch (error) {
      // An answer that is not saved stays in sight; its banner says the same.
      if (error.code === "token" && trouble.open) return;
      if (error.code === "token") frame.gate(t("gate.title"), error.message);
      else offline(error);
    } finally {
      frame.isPolling = false;
    }
  };

  /** The server was started again: what it says now is read anew, or the whole page where it asks about other images. */
  const restarted = async () => {
    if (!(await desk.queue.refresh())) return location.reload();
    return desk.item && Trapline.tell("item", desk.item);
  };

  const hear = (notes) => {
    const fresh = notes.filter((note) => !Trapline.progress.notes.includes(note));
    if (fresh.length === 0) return;
    Trapline.tell("notes", fresh);
    desk.say(fresh[0]);
  };

  /** Nothing can be shown: says why and the way out. */
  frame.gate = (title, text) => {
    by("desk").hidden = true;
    by("gate").hidden = false;
    by("gate-title").textContent = title;
    by("gate-text").replaceChildren(...withCode(text));
  };

  frame.start = () => {
    languages();
    by("theme").addEventListener("click", flipTheme);
    for (const id of ["save", "end-save"]) by(id).addEventListener("click", save);
    by("end-undo").addEventListener("click", () => desk.undo());
    by("end-look").addEventListener("click", () => desk.goTo(() => 0));
    by("who").addEventListener("click", () => Trapline.tell("rename"));
    for (const button of document.querySelectorAll("[data-close]"))
      button.addEventListener("click", () => button.closest("dialog").close());
    for (const dialog of document.querySelectorAll("dialog:not(#reviewer)")) {
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }
    // A click with the mouse leaves the focus where it is, so that Space and Enter go on meaning what the keys list says.
    by("desk").addEventListener("mousedown", (event) => event.target.closest("button, summary") && event.preventDefault());
    for (const event of ["saved", "words", "counts"]) Trapline.on(event, head);
    Trapline.on("notes", () => offline(null));
    Trapline.on("item", leaveEnd);
    Trapline.on("end", frame.end);
    Trapline.on("words", () => desk.item && Trapline.tell("item", desk.item));
    setInterval(frame.poll, POLL_MS);
    addEventListener("focus", frame.poll);
    document.addEventListener("visibilitychange", frame.poll);
    head();
  };

  Trapline.frame = frame;
})();
