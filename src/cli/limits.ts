/** Many times more than any recipe, stack, lock, site file or list of authorities has, in bytes: our largest lock has 10 kB, the public authorities together 250 kB. Loads nothing: the quick answer that there is nothing to do needs it too. */
export const largestText = 4 * 1024 * 1024;
