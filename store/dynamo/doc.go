// Package dynamo keeps a store.Table in one table of Amazon DynamoDB.
//
// An item has these attributes; their names are short because DynamoDB counts them:
//
//	p, s         the key: partition and sort
//	v            the version, which every write names in its condition
//	d            the data, or
//	z            the data squeezed, where that saves a unit
//	x            when it expires, in seconds since 1970: the table's TTL
//	w            a mark of the write that made it so
//	listP listS  its place in the ordering "list", and so on for each ordering
//
// An ordering is a global secondary index of its name. The index is sparse: an item
// without the two attributes is not in it and costs nothing there.
//
// The sort key of an index is the entry's sort and the item's key, separated by zero
// bytes, so that ties come in the order of keys. Its partition key is the entry's
// partition and the number of a shard, which is a hash of the item's key: DynamoDB
// gives a partition 1,000 writes a second, and a queue's front alone moves twice for
// each job. A query reads all shards and merges them.
//
// # What things cost
//
// A write costs a unit for each KiB of the larger of old and new item; a transaction
// doubles that. An index adds a unit for an entry that comes, goes, or changes in what
// it holds of the item, and two for one that moves. So a Write of one item is no
// transaction, and the indexes of the product hold keys only (see Orderings).
//
// # Errors
//
// The SDK's own retries are switched off, because of what they hide: a put that is
// repeated after a broken connection meets its own first try and looks like a
// conflict. Here a put is repeated with the same mark and knows itself by it, and a
// transaction with the same ClientRequestToken. What stays unknown is answered as it
// is, which is none of package store's errors.
package dynamo
