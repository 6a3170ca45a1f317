// Who asked for a run, as far as that tells people something: for a run of nobody in particular the
// gateway makes a name up.

const OWN = /^difystream-[0-9a-f-]{36}$/;

export function shownUser(user: string | null | undefined): string | null {
  return user && !OWN.test(user) ? user : null;
}
