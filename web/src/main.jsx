// The chat page with a script: takes the place of what the server wrote once the history is there. Without it that page stays as it is.
import { render } from 'preact';
import { history } from './api.js';
import { Chat } from './Chat.jsx';
import './chat.css';

const main = document.querySelector('main');
const draft = document.querySelector('#text');

history().then((exchanges) => {
  const app = document.createElement('div');
  app.className = 'app';
  const written = draft.value;
  const typing = document.activeElement === draft;
  document.querySelector('aside.ask').remove();
  main.replaceWith(app);
  render(<Chat exchanges={exchanges} draft={written} typing={typing} max={Number(main.dataset.max)} />, app);
}, () => {});
