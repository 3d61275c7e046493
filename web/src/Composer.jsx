// The line to write in: Enter sends, Shift+Enter breaks the line; it grows with what is written.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icons.jsx';
import { words } from './words.js';

export function Composer({ draft, typing, max, onSend, onMore }) {
  const [text, setText] = useState(draft);
  const area = useRef();
  const t = words();
  useLayoutEffect(() => {
    if (!text) return area.current.style.removeProperty('height');
    area.current.style.height = 'auto';
    area.current.style.height = `${area.current.scrollHeight + 2}px`;
  }, [text]);
  useLayoutEffect(() => {
    if (typing) area.current.focus();
  }, []);
  const submit = (event) => {
    event.preventDefault();
    if (!text.trim()) return area.current.focus();
    onSend(text.trim());
    setText('');
    area.current.focus();
  };
  const key = (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  };
  return (
    <form class="write" onSubmit={submit}>
      <button class="plain" type="button" aria-label={t.other} aria-haspopup="dialog" onClick={onMore}>
        <Icon name="plus" />
      </button>
      <textarea id="text" ref={area} rows={1} maxLength={max} value={text} aria-label={t.ask} placeholder={t.example} enterkeyhint="send"
        onInput={(event) => setText(event.currentTarget.value)} onKeyDown={key} />
      <button class="main">
        {t.send}
      </button>
    </form>
  );
}
