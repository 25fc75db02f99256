'use strict';
// Filters for the lists. The page is complete without this script.
(function () {
  var form = document.getElementById('filters');
  var text = document.getElementById('filter-text');
  var status = document.getElementById('filter-status');
  var selects = Array.prototype.slice.call(form.querySelectorAll('select[data-filter]'));
  var rows = Array.prototype.slice.call(document.querySelectorAll('[data-row]'));
  if (!rows.length) { return; }

  selects.forEach(function (select) {
    var values = {};
    rows.forEach(function (row) {
      var value = row.getAttribute('data-' + select.dataset.filter);
      if (value) { values[value] = true; }
    });
    var names = Object.keys(values).sort();
    if (names.length < 2) { select.parentNode.hidden = true; }
    names.forEach(function (name) {
      var option = document.createElement('option');
      option.value = name;
      option.textContent = name;
      select.appendChild(option);
    });
  });

  // A row without an attribute is not filtered by it.
  function matches(row, needle) {
    return selects.every(function (select) {
      var value = row.getAttribute('data-' + select.dataset.filter);
      return !select.value || value === null || value === select.value;
    }) && (!needle || row.textContent.toLowerCase().indexOf(needle) >= 0);
  }

  function apply() {
    var needle = text.value.trim().toLowerCase();
    var shown = 0;
    rows.forEach(function (row) {
      row.hidden = !matches(row, needle);
      if (!row.hidden) { shown++; }
    });
    status.textContent = shown === rows.length ? '' : shown + ' of ' + rows.length + ' rows shown';
  }

  form.addEventListener('input', apply);
  form.addEventListener('reset', function () { setTimeout(apply, 0); });
  form.addEventListener('submit', function (event) { event.preventDefault(); });
  form.hidden = false;
  apply();
})();
