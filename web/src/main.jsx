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

if (able) history({ limit: PAGE }).then((exchanges) => {
  const app = document.createElement('div');
  app.className = 'app';
  const written = draft.value;
  const typing = document.activeElement === draft;
  document.querySelector('aside.ask').remove();
  main.replaceWith(app);
  render(<Chat exchanges={exchanges} draft={written} typing={typing} max={Number(main.dataset.max)} />, app);
}, () => {});
