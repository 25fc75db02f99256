'use strict';
// Pages, sorting, filters and links for the lists of the report. Without this script, each list shows its first rows.
(function () {
  var pageSize = 100;
  var form = document.getElementById('filters');
  var text = document.getElementById('filter-text');
  var status = document.getElementById('filter-status');
  var note = document.getElementById('filter-note');
  var clear = document.getElementById('filter-clear');
  var selects = Array.from(form.querySelectorAll('select[data-filter]'));
  var lists = Array.from(document.querySelectorAll('[data-list]')).map(newList);
  var causes = Array.from(document.querySelectorAll('[data-cause-row]')).map(newCause);
  var total = lists.reduce(function (n, list) { return n + (list.unfiltered ? 0 : list.rows.length); }, 0);

  // A list holds all rows, in the page and in its template. Only those of the current page are in the document.
  function newList(container) {
    var template = container.querySelector(':scope > template');
    var rows = Array.from(container.children).filter(function (e) { return e !== template; });
    if (template) { rows = rows.concat(Array.from(template.content.children)); template.remove(); }
    var list = { container: container, rows: rows, matching: rows, page: 0, texts: null };
    list.unfiltered = container.dataset.list === 'unfiltered'; // not about clusters
    var section = container.closest('section');
    list.count = container.tagName === 'TBODY' && section ? section.querySelector('h2 .n') : null;
    if (rows.length > pageSize) { addPager(list); }
    var table = list.table = container.closest('table');
    if (container.tagName === 'TBODY' && rows.length > 1) { addSorting(list, table); }
    return list;
  }

  // A row of the causes shows how many of its findings match the filters.
  function newCause(row) {
    var link = row.querySelector('a');
    var section = row.closest('section');
    return { id: row.getAttribute('data-cause-row'), row: row, link: link, text: link.textContent,
      list: lists.find(function (list) { return list.container.closest('section') === section; }) };
  }

  function element(name, properties, parent) {
    var e = Object.assign(document.createElement(name), properties);
    if (parent) { parent.appendChild(e); }
    return e;
  }

  function addPager(list) {
    list.pager = element('p', { className: 'pager' });
    list.previous = element('button', { type: 'button', textContent: 'Previous' }, list.pager);
    list.where = element('span', {}, list.pager);
    list.where.setAttribute('role', 'status');
    list.next = element('button', { type: 'button', textContent: 'Next' }, list.pager);
    list.previous.addEventListener('click', function () { list.page--; show(list); });
    list.next.addEventListener('click', function () { list.page++; show(list); });
    var anchor = list.container.closest('table') || list.container;
    (anchor.parentNode.classList.contains('scroll') ? anchor.parentNode : anchor).after(list.pager);
  }

  function addSorting(list, table) {
    Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
      var button = element('button', { type: 'button', className: 'sort', textContent: head.textContent });
      head.replaceChildren(button);
      button.addEventListener('click', function () {
        var down = head.getAttribute('aria-sort') === 'ascending';
        Array.from(table.tHead.rows[0].cells).forEach(function (h) { h.removeAttribute('aria-sort'); });
        head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        sort(list, column, down);
        list.page = 0;
        filter(list);
        show(list);
      });
    });
  }

  // Cells sort by data-sort, or else by their text; numbers sort by value.
  function sort(list, column, down) {
    var collator = new Intl.Collator('en', { numeric: true });
    var keys = new Map(list.rows.map(function (row) {
      var cell = row.cells[column];
      return [row, cell ? cell.dataset.sort || cell.textContent : ''];
    }));
    list.rows.sort(function (a, b) { return collator.compare(keys.get(a), keys.get(b)) * (down ? -1 : 1); });
    list.texts = null;
  }

  function show(list) {
    var all = document.body.classList.contains('printing');
    var last = Math.max(0, Math.ceil(list.matching.length / pageSize) - 1);
    list.page = Math.min(Math.max(list.page, 0), last);
    var from = list.page * pageSize;
    var rows = all ? list.matching : list.matching.slice(from, from + pageSize);
    var current = list.container.children;
    if (current.length !== rows.length || rows.some(function (row, i) { return row !== current[i]; })) {
      list.container.replaceChildren.apply(list.container, rows);
    }
    rows.slice(0, pageSize).forEach(addCopying);
    if (list.pager) {
      list.pager.hidden = all || list.matching.length <= pageSize;
      list.previous.disabled = list.page === 0;
      list.next.disabled = list.page === last;
      list.where.textContent = (from + 1) + ' to ' + (from + rows.length) + ' of ' + list.matching.length;
    }
    showNone(list);
    if (list.count) {
      list.count.textContent = (list.matching.length < list.rows.length ? list.matching.length + ' of ' : '') +
        list.rows.length;
    }
  }

  // A list without a matching row says so: an empty table looks as if there were nothing to report.
  function showNone(list) {
    var none = list.rows.length > 0 && list.matching.length === 0;
    if (none && !list.none) {
      list.none = element('p', { className: 'none', textContent: 'No row of this list matches the filters.' });
      (list.pager || list.container.closest('table') || list.container).after(list.none);
    }
    if (list.none) {
      list.none.hidden = !none;
      list.container.hidden = none;
      if (list.table) { list.table.hidden = none; }
    }
  }

  function showCauses() {
    var counts = {};
    if (!causes.length) { return; }
    causes[0].list.matching.forEach(function (row) {
      var id = row.getAttribute('data-cause');
      counts[id] = (counts[id] || 0) + 1;
    });
    var filtered = causes[0].list.matching.length < causes[0].list.rows.length;
    causes[0].row.closest('table').hidden = !causes[0].list.matching.length;
    causes.forEach(function (c) {
      var values = filterValues();
      values.set('cause', c.id);
      c.row.hidden = !counts[c.id];
      c.link.textContent = (filtered ? (counts[c.id] || 0) + ' of ' : '') + c.text;
      c.link.hash = '#findings?' + values;
    });
  }

  function readTexts(list) {
    list.texts = list.texts || list.rows.map(function (row) { return row.textContent.toLowerCase(); });
  }

  // A row without an attribute is not filtered by it.
  function filter(list) {
    list.matching = list.rows;
    if (list.unfiltered) { return; }
    var needle = text.value.trim().toLowerCase();
    var wanted = selects.filter(function (s) { return s.value; });
    if (needle) { readTexts(list); }
    list.matching = list.rows.filter(function (row, i) {
      return wanted.every(function (s) {
        var value = row.getAttribute('data-' + s.dataset.filter);
        return value === null || value === s.value;
      }) && (!needle || list.texts[i].indexOf(needle) >= 0);
    });
  }

  function apply() {
    var shown = 0;
    lists.forEach(function (list) {
      list.page = 0;
      filter(list);
      show(list);
      shown += list.unfiltered ? 0 : list.matching.length;
    });
    showCauses();
    var filters = filterText();
    status.textContent = filters ? shown + ' of ' + total + ' rows match. The totals are of the whole audit.' : '';
    note.textContent = filters ? 'Filtered by ' + filters + ': ' + shown + ' of ' + total + ' rows are shown.' : '';
    note.hidden = clear.hidden = !filters;
  }

  // filterText describes the filters in use, for the printed page.
  function filterText() {
    var parts = selects.filter(function (s) { return s.value; }).map(function (s) {
      return s.dataset.filter + ' "' + s.selectedOptions[0].textContent + '"';
    });
    if (text.value.trim()) { parts.push('text "' + text.value.trim() + '"'); }
    return parts.join(', ');
  }

  function fillSelects() {
    selects.forEach(function (select) {
      var field = select.parentNode;
      if (select.options.length === 1) {
        var values = new Set();
        lists.forEach(function (list) {
          list.rows.forEach(function (row) {
            var value = row.getAttribute('data-' + select.dataset.filter);
            if (value) { values.add(value); }
          });
        });
        Array.from(values).sort().forEach(function (value) {
          element('option', { value: value, textContent: value }, select);
        });
      }
      field.hidden = select.options.length < 3;
    });
  }

  // The address holds the filters: "#findings?account=111122223333&q=prod".
  function filterValues() {
    var values = new URLSearchParams();
    selects.forEach(function (s) { if (s.value) { values.set(s.dataset.filter, s.value); } });
    if (text.value.trim()) { values.set('q', text.value.trim()); }
    return values;
  }

  function writeAddress() {
    var query = filterValues().toString();
    history.replaceState(null, '', '#' + location.hash.slice(1).split('?')[0] + (query ? '?' + query : ''));
  }

  function readAddress() {
    var parts = location.hash.slice(1).split('?');
    if (parts.length > 1) {
      var values = new URLSearchParams(parts[1]);
      form.reset();
      selects.forEach(function (s) {
        s.value = values.get(s.dataset.filter) || '';
        if (s.selectedIndex < 0) { s.value = ''; }
      });
      text.value = values.get('q') || '';
      apply();
    }
    if (parts[0]) { reveal(parts[0]); }
  }

  // reveal shows the row with this id, on whichever page of its list it is, or else the section.
  function reveal(id) {
    lists.forEach(function (list) {
      var row = list.rows.find(function (r) { return r.id === id; });
      if (!row) { return; }
      if (list.matching.indexOf(row) < 0) { form.reset(); apply(); writeAddress(); }
      list.page = Math.floor(list.matching.indexOf(row) / pageSize);
      show(list);
      if (row.tagName === 'DETAILS') { row.open = true; }
    });
    var target = document.getElementById(id);
    if (!target) { return; }
    for (var e = target.closest('details'); e; e = e.parentElement.closest('details')) { e.open = true; }
    document.querySelectorAll('.found').forEach(function (f) { f.classList.remove('found'); });
    if (target.hasAttribute('data-row')) { target.classList.add('found'); }
    target.scrollIntoView();
    // The next Tab continues from here, and not from the link.
    if (target.tabIndex < 0) { target.tabIndex = -1; }
    target.focus({ preventScroll: true });
  }

  // A button next to a remedy or an ARN copies it. It has no text, so that filters and sorting do not see it.
  function addCopying(row) {
    var value = row.querySelector('td[data-label="What to do"]:not(.void) .value, code.arn');
    if (!navigator.clipboard || !value || row.querySelector('button.copy')) { return; }
    var button = element('button', { type: 'button', className: 'copy' });
    button.setAttribute('aria-label', value.tagName === 'CODE' ? 'Copy the ARN' : 'Copy what to do');
    value.parentNode.insertBefore(button, value.nextSibling);
    button.addEventListener('click', function () {
      navigator.clipboard.writeText(value.textContent.trim()).then(function () {
        button.classList.add('copied');
        status.textContent = 'Copied';
      }, function () { status.textContent = 'The browser does not permit copying'; });
    });
  }

  // On paper everything is open and every row is there.
  var closed = [];
  function printing(on) {
    document.body.classList.toggle('printing', on);
    lists.forEach(show);
    if (on) {
      closed = Array.from(document.querySelectorAll('details:not([open])'));
      closed.forEach(function (d) { d.open = true; });
    } else {
      closed.forEach(function (d) { d.open = false; });
    }
  }

  fillSelects();
  // Browsers limit how often a page may change its address.
  var writing;
  form.addEventListener('input', function () {
    apply();
    clearTimeout(writing);
    writing = setTimeout(writeAddress, 300);
  });
  form.addEventListener('reset', function () { setTimeout(function () { apply(); writeAddress(); }, 0); });
  form.addEventListener('submit', function (event) { event.preventDefault(); });
  window.addEventListener('hashchange', readAddress);
  window.addEventListener('beforeprint', function () { printing(true); });
  window.addEventListener('afterprint', function () { printing(false); });
  form.hidden = !total;
  lists.forEach(show);
  readAddress();
  // The first filter of a large report would otherwise wait for the texts of all rows.
  if (window.requestIdleCallback) {
    lists.forEach(function (list) { requestIdleCallback(function () { readTexts(list); }); });
  }
})();
