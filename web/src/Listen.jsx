// Reading aloud, where the browser can.
import { useEffect, useState } from 'preact/hooks';
import { Icon } from './icons.jsx';
import { words } from './words.js';

export function Listen({ text }) {
  const [reading, setReading] = useState(false);
  useEffect(() => () => reading && speechSynthesis.cancel(), [reading]);
  if (!('speechSynthesis' in window)) return null;
  const toggle = () => {
    speechSynthesis.cancel();
    if (reading) return setReading(false);
    const said = new SpeechSynthesisUtterance(text);
    said.lang = 'zh-CN';
    said.onend = said.onerror = () => setReading(false);
    speechSynthesis.speak(said);
    setReading(true);
  };
  const label = reading ? words().stop : words().listen;
  return (
    <button class="plain" type="button" aria-pressed={reading} onClick={toggle}>
      <Icon name={reading ? 'silent' : 'sound'} />
      {label}
    </button>
  );
}
