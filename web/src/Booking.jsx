// What booking shows in the conversation: slots by day to pick from, and the form for a name and a number.
import { useState } from 'preact/hooks';
import { words } from './words.js';

const inShanghai = (iso, options) => new Intl.DateTimeFormat('zh-CN', { timeZone: 'Asia/Shanghai', ...options }).format(new Date(iso));
const clock = (iso) => inShanghai(iso, { hour: '2-digit', minute: '2-digit', hour12: false });
const dayOf = (iso) => inShanghai(iso, { month: 'numeric', day: 'numeric' });
const weekdayOf = (iso) => inShanghai(iso, { weekday: 'short' });

export function Slots({ slots, last, tap }) {
  const numbered = slots.map((slot, place) => ({ ...slot, number: place + 1, day: dayOf(slot.starts_at) }));
  const days = [...new Set(numbered.map((slot) => slot.day))];
  const [day, setDay] = useState(null);
  const t = words();
  const shown = numbered.filter((slot) => !day || slot.day === day);
  return (
    <div class="slots">
      {days.length > 1 && (
        <div class="calendar">
          {days.map((one) => (
            <button type="button" aria-pressed={day === one} onClick={() => setDay(day === one ? null : one)}>
              {one}
              <small>{weekdayOf(numbered.find((slot) => slot.day === one).starts_at)}</small>
            </button>
          ))}
        </div>
      )}
      <ul class="cards">
        {shown.map((slot) => (
          <li>
            <p>
              <strong>
                {slot.number}. {slot.title}
              </strong>{' '}
              {slot.is_example && <span class="tag">{t.trial}</span>}
            </p>
            <p>
              {slot.day} {weekdayOf(slot.starts_at)} {clock(slot.starts_at)}–{clock(slot.ends_at)}
            </p>
            <p class="meta">
              {slot.base} · {slot.city} · {slot.fee_kind} ·{' '}
              {slot.full ? <span class="full">{t.fullSlot}</span> : t.free.replace('{n}', slot.free)}
            </p>
            <p class="quick">
              {last && (
                <button class="main" type="button" onClick={() => tap(`slot:${slot.id}`, `${slot.number}. ${slot.title}`)}>
                  {slot.full ? t.queue : t.pick}
                  <span class="hidden"> {slot.number}</span>
                </button>
              )}
              <a class="button" href={slot.url}>
                {t.more}
                <span class="hidden"> {slot.title} {slot.number}</span>
              </a>
            </p>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function Contact({ party, confide }) {
  const [problem, setProblem] = useState('');
  const t = words();
  const submit = (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const names = form.get('names').split(/[\n、,，]+/).map((one) => one.trim()).filter(Boolean);
    const phone = form.get('phone').replace(/[\s-]/g, '');
    if (!names.length) return setProblem(t.needName);
    if (!/^(\+?86)?1\d{10}$/.test(phone)) return setProblem(t.badPhone);
    setProblem('');
    confide(`${names.join('、')} ${phone}`);
  };
  return (
    <form class="contact" aria-label={t.contact} noValidate onSubmit={submit}>
      <label class="field">
        {party > 1 ? t.everybody : t.name}
        {party > 1 ? <textarea name="names" rows={Math.min(party, 5)} /> : <input name="names" autocomplete="name" maxLength={40} required />}
      </label>
      <label class="field">
        {t.phone}
        <input name="phone" type="tel" inputMode="tel" autocomplete="tel" maxLength={20} required aria-describedby="kept" />
      </label>
      <p class="meta" id="kept">{t.private}</p>
      {problem && <p class="problem" role="alert">{problem}</p>}
      <p>
        <button>{t.send}</button>
      </p>
    </form>
  );
}
