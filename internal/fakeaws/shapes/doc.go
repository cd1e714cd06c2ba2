// Package shapes writes and reads the SDK's structs in the forms of the wire that
// other packages of this repository have no use for: JSON with times as ECS has them,
// and EC2's forms and XML. Names come from the structs by reflection, with a table of
// EC2's exceptions.
package shapes
