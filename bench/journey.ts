export async function benchJourney(): Promise<void> {}
