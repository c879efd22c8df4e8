// Commands to the program.

export function post(command) {
  return fetch("/command", { method: "POST", body: JSON.stringify(command) }).catch(() => {});
}

const pending = new Map(); // newest value of each setting, or null while one is on its way

// Sets a value; while one is on its way, only the newest of the following ones is sent.
export async function setValue(setting, value) {
  const busy = pending.has(setting);
  pending.set(setting, value);
  if (busy) return;
  while (pending.get(setting) !== null) {
    const newest = pending.get(setting);
    pending.set(setting, null);
    await post({ setting, value: newest });
  }
  pending.delete(setting);
}
