package bolt

// MappedBytes is how much of mapped files is resident in this process.
func MappedBytes() int64 { return mappedBytes() }

// LetGo hands back what of the file is resident.
func (t *Table) LetGo() { t.resident.letGo() }
