'use client';

import 'sgan-trainer';

export function Trainer() {
  return <sgan-trainer data-url="/data/" />;
}
