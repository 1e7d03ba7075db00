// Comfort only: everything that matters is on the page without this. It reads what is there and adds no text but what
// a bar says of itself already.
'use strict';
(() => {
  const root = document.documentElement;
  window.addEventListener('error', (event) => { root.dataset.error = event.message; });
  const timeline = document.getElementById('timeline');
  const bars = timeline ? Array.from(timeline.querySelectorAll('rect')) : [];
  // By time: those of the critical path are drawn last.
  bars.sort((one, other) => one.x.baseVal.value - other.x.baseVal.value);
  const told = document.getElementById('told');
  const wide = document.getElementById('wide');
  let at = -1;

  const show = (index, follow) => {
    if (index < 0 || index >= bars.length) return;
    if (at >= 0) bars[at].classList.remove('at');
    at = index;
    bars[at].classList.add('at');
    told.textContent = bars[at].querySelector('title').textContent;
    if (follow) bars[at].scrollIntoView({ block: 'nearest', inline: 'nearest' });
  };

  if (timeline) {
    const places = new Map(bars.map((bar, index) => [bar, index]));
    const pick = (event) => {
      const index = places.get(event.target);
      if (index !== undefined) show(index, false);
    };
    timeline.addEventListener('mouseover', pick);
    timeline.addEventListener('click', pick);
    const scroll = wide.parentElement;
    scroll.tabIndex = 0;
    scroll.addEventListener('keydown', (event) => {
      const on = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: bars.length - 1 }[event.key];
      if (on === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      show(Math.max(0, Math.min(bars.length - 1, on)), true);
    });
    let zoom = 1;
    const set = (to) => {
      const middle = (scroll.scrollLeft + scroll.clientWidth / 2) / scroll.scrollWidth;
      zoom = Math.max(1, Math.min(256, to));
      wide.style.width = `${100 * zoom}%`;
      scroll.scrollLeft = middle * scroll.scrollWidth - scroll.clientWidth / 2;
    };
    document.getElementById('in').addEventListener('click', () => set(zoom * 2));
    document.getElementById('out').addEventListener('click', () => set(zoom / 2));
    document.getElementById('fit').addEventListener('click', () => set(1));
  }

  const filter = document.getElementById('filter');
  if (filter) {
    const rows = Array.from(document.querySelectorAll('#all tbody tr'));
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const found = document.getElementById('found');
    filter.addEventListener('input', () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      let count = 0;
      rows.forEach((row, index) => {
        row.hidden = !words.every((word) => texts[index].includes(word));
        count += row.hidden ? 0 : 1;
      });
      found.textContent = `${count} of ${rows.length}`;
    });
  }
  root.dataset.ready = String(bars.length);
})();
