// 长辈版, colours and script: seen at once, kept by the server for all pages.
import { keepLook } from './api.js';
import { Sheet } from './Sheet.jsx';
import { look, words } from './words.js';

const CHOICES = [
  ['size', ['normal', 'elder', 'largest']],
  ['theme', ['auto', 'light', 'dark']],
  ['script', ['hans', 'hant']],
];

function wear({ size, theme, script }) {
  const root = document.documentElement;
  root.lang = script === 'hant' ? 'zh-Hant' : 'zh-Hans';
  for (const [name, value, usual] of [['size', size, 'normal'], ['theme', theme, 'auto']]) {
    if (value === usual) delete root.dataset[name];
    else root.dataset[name] = value;
  }
}

export function LookSheet({ onClose, onChange }) {
  const now = look();
  const choose = async (kind, value) => {
    const chosen = { ...now, [kind]: value };
    wear(chosen);
    await Promise.all([onChange(), keepLook(chosen)]);
    if (kind === 'script') onChange(true);
  };
  const t = words();
  return (
    <Sheet title={t.look} onClose={onClose}>
      <p>
        <button class="main wide-button" type="button" onClick={() => choose('size', now.size === 'normal' ? 'elder' : 'normal')}>
          {now.size === 'normal' ? t.elder : t.elderOff}
        </button>
      </p>
      {CHOICES.map(([kind, values]) => (
        <fieldset>
          <legend>{t[kind]}</legend>
          {values.map((value) => (
            <label class="choice">
              <input type="radio" name={kind} checked={now[kind] === value} onChange={() => choose(kind, value)} />
              <span>{t[value]}</span>
            </label>
          ))}
        </fieldset>
      ))}
    </Sheet>
  );
}
