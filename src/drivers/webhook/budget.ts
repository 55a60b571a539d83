/** Bytes that all requests together may hold. */

export type Budget = {
  /** Takes so many bytes if they are there. */
  take(bytes: number): boolean;
  give(bytes: number): void;
};

export const openBudget = (total: number): Budget => {
  let left = total;
  return {
    take: (bytes) => {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
    give: (bytes) => {
      left += bytes;
    },
  };
};
