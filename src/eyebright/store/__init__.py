"""One vector store under all systems: exact, and embedded (SQLite with FAISS beside it)."""
