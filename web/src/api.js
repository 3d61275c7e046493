// What the page asks of the server (docs/http.md). Every failure is a Problem with words that can be shown.
import { words } from './words.js';

export class Problem extends Error {
  // retry: whether the same request may succeed later
  constructor(message, status, retry) {
    super(message);
    this.status = status;
    this.retry = retry;
  }
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...options });
  } catch {
    throw new Problem(words().unreachable, 0, true);
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  const { status } = response;
  throw new Problem(body.error?.message || words().failed, status, status === 429 || status >= 500);
}

const post = (path, value) => ask(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) });

// A session may have run out while the page was open: a new one, and once more.
async function withSession(request) {
  try {
    return await request();
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    await ask('/chat/sessions', { method: 'POST' });
    return request();
  }
}

// `part`: after, before (message ids) and limit, see docs/http.md.
export const history = (part) => withSession(() => ask(`/chat/history?${new URLSearchParams(part)}`)).then((body) => body.messages);
export const say = (message) => withSession(() => post('/chat/messages', message)).then((body) => body.messages);
export const rate = (about) => post('/chat/feedback', about);
export const article = (id) => {
  const [slug, number = 'general'] = id.split('#');
  return ask(`/api/articles/${slug}/${number || 'general'}`);
};
export const keepLook = (look) =>
  fetch('/settings/', { method: 'POST', redirect: 'manual', credentials: 'same-origin', body: new URLSearchParams(look) }).catch(() => {});

// fetch cannot tell how much has been sent. `onProgress` gets 0 to 1.
export function upload(file, messageId, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append('message_id', messageId);
    form.append('file', file, file.name);
    request.open('POST', '/chat/files');
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onerror = () => reject(new Problem(words().unreachable, 0, true));
    request.onload = () => {
      let body = {};
      try {
        body = JSON.parse(request.responseText);
      } catch {
        /* shown as a failure below */
      }
      const { status } = request;
      if (status === 200) resolve(body.messages);
      else reject(new Problem(body.error?.message || words().failed, status, status === 429 || status >= 500));
    };
    request.send(form);
  });
}
