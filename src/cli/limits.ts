/** Many times more than any recipe, stack, lock or site file has, in bytes: the largest of ours is a lock of 10 kB. Loads nothing: the quick answer that there is nothing to do needs it too. */
export const largestText = 4 * 1024 * 1024;
