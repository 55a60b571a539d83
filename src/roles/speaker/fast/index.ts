/**
 * The fast thread of the speaker: sessions with other speakers, who holds which address, answers and announcements.
 *
 * Start with `mesh.ts`: the BFD sessions.
 */
export {};
