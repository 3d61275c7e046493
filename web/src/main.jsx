// The chat page with a script: takes the place of what the server wrote once the history is there. Without it that page stays as it is.
import { render } from 'preact';
import { history } from './api.js';
import { Chat } from './Chat.jsx';
import { PAGE } from './talk.js';
import './chat.css';

const main = document.querySelector('main');
const draft = document.querySelector('#text');

// A browser too old for the script keeps the page that works without.
const able = 'at' in Array.prototype && 'showModal' in (window.HTMLDialogElement?.prototype || {});

// The styles of what the script draws, of which the page only knows so far where they are.
function styled() {
  const sheet = document.querySelector('#drawn');
  return new Promise((done, failed) => {
    Object.assign(sheet, { onload: done, onerror: failed, rel: 'stylesheet' });
  });
}

if (able) Promise.all([history({ limit: PAGE }), styled()]).then(([exchanges]) => {
  const app = document.createElement('div');
  app.className = 'app';
  const written = draft.value;
  const typing = document.activeElement === draft;
  document.querySelector('aside.ask').remove();
  main.replaceWith(app);
  render(<Chat exchanges={exchanges} draft={written} typing={typing} max={Number(main.dataset.max)} />, app);
}, () => {});
