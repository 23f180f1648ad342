// Keeps the deck for when its server cannot be reached: an address of a page then opens a document
// without data, which plays the demo. With a server nothing changes: everything is asked from it.
//
// The server puts a line before this script: TOLD names the files, the addresses of pages, the
// document to keep, and a version that changes with any of the files. What the server knows (/api)
// is never kept.

const CACHE = `swarmdeck-${TOLD.version}`;
const FILES = new Set(TOLD.files);

addEventListener('install', (event) => {
  event.waitUntil(keep());
});

// A document and the files it runs are of one version. So a new version waits until no page of the
// one before is open, and only then drops what that kept.
addEventListener('activate', (event) => {
  event.waitUntil(takeOver());
});

addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin) return;
  if (request.mode === 'navigate') {
    if (isPage(pathname)) event.respondWith(page(event));
  } else if (FILES.has(pathname)) {
    event.respondWith(file(event));
  }
});

addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show('/approvals'));
});

async function keep() {
  const cache = await caches.open(CACHE);
  const asked = [TOLD.shell, ...TOLD.files].map((path) => new Request(path, { cache: 'no-cache' }));
  await cache.addAll(asked);
}

async function takeOver() {
  for (const name of await caches.keys()) {
    if (name.startsWith('swarmdeck-') && name !== CACHE) await caches.delete(name);
  }
  // A page is asked for while this script wakes up.
  await registration.navigationPreload?.enable();
}

function isPage(pathname) {
  return TOLD.pages.some((page) => {
    const named = page.indexOf('{');
    return named < 0 ? page === pathname : pathname.startsWith(page.slice(0, named));
  });
}

async function page(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    const cache = await caches.open(CACHE);
    const shell = await cache.match(TOLD.shell, { ignoreVary: true });
    if (!shell) return Response.error();
    await forgetGone(cache);
    await cache.put(mark(event.resultingClientId), new Response());
    return shell;
  }
}

// Files that a document from the server asks for are the server's. What was opened from here runs
// what is kept here, also when the server is back.
async function file(event) {
  const cache = await caches.open(CACHE);
  if (await cache.match(mark(event.clientId))) {
    const kept = await cache.match(event.request, { ignoreVary: true, ignoreSearch: true });
    if (kept) return kept;
  }
  return fetch(event.request);
}

// Which documents were opened from here: this script is ended and begun as the browser likes, so
// that it can remember nothing itself.
function mark(client) {
  return `/opened/${client}`;
}

async function forgetGone(cache) {
  for (const { url } of await cache.keys()) {
    const [, client] = new URL(url).pathname.split('/opened/');
    if (client && !(await clients.get(client))) await cache.delete(url);
  }
}

async function show(path) {
  const [open] = await clients.matchAll({ type: 'window' });
  if (!open) return clients.openWindow(path);
  await open.focus();
  return open.navigate(path);
}
