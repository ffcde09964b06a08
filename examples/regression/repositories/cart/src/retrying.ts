// Tries again, waiting longer each time.
export async function retrying<T>(retries: number, backoffMs: number, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt >= retries) throw error;
      await new Promise((resume) => setTimeout(resume, backoffMs * 2 ** attempt));
    }
  }
}
