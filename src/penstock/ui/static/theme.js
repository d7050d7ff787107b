// Before the first paint: the reader's own choice of light or dark, where there is one.
(() => {
  const chosen = localStorage.getItem("penstock-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
})();
