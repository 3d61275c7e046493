// Our own few icons, one path each on a 24-unit square; words beside or inside the button name them.
const PATHS = {
  plus: 'M12 5v14M5 12h14',
  send: 'M5 12h14M13 6l6 6-6 6',
  close: 'M6 6l12 12M18 6L6 18',
  sound: 'M4 9v6h4l5 4V5L8 9H4zM16.5 9a4 4 0 010 6M19 6.5a8 8 0 010 11',
  silent: 'M6 6h12v12H6z',
  up: 'M7 11v9H4v-9zM7 11l4-7c1.5 0 2.3 1 2 2.5L12.3 10H18a2 2 0 012 2.3l-1.2 6A2 2 0 0116.800 20H7',
  down: 'M17 13V4h3v9zM17 13l-4 7c-1.500 0-2.300-1-2-2.500l.7-3.500H6a2 2 0 01-2-2.300l1.200-6A2 2 0 017.200 4H17',
  yes: 'M5 12.500l4.500 4.500L19 7.500',
  no: 'M7 7l10 10M17 7L7 17',
  open: 'M9 9a3 3 0 114.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.500v.5',
  file: 'M7 3h7l4 4v14H7zM14 3v4h4',
};

export const Icon = ({ name }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d={PATHS[name]} />
  </svg>
);
