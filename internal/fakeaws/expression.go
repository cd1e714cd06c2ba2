package fakeaws

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// expression is a condition of the cluster query language on a container instance.
type expression func(a *agent) bool

// parseExpression reads the part of the cluster query language that placement
// constraints use: subjects "ec2InstanceId", "agentConnected", "agentVersion",
// "runningTasksCount", "attribute:NAME" and "task:group"; ==, !=, <, <=, >, >=, in,
// !in, =~, !~, exists, !exists; and, or, not, parentheses (Amazon ECS Developer Guide,
// "Create expressions to define container instances for tasks"). An empty text holds
// for all.
func parseExpression(text string) (expression, error) {
	if strings.TrimSpace(text) == "" {
		return func(*agent) bool { return true }, nil
	}
	p := parser{tokens: tokenPattern.FindAllString(text, -1)}
	e := p.either()
	if p.bad || len(p.tokens) > 0 {
		return nil, refuse("InvalidParameterException", "Invalid expression: %s", text)
	}
	return e, nil
}

var tokenPattern = regexp.MustCompile(`"[^"]*"|'[^']*'|==|!=|<=|>=|=~|!~|&&|\|\||[()\[\],<>!]|[^\s()\[\],<>=!~&|]+|\S`)

// parser takes tokens from the front; bad says that they make no sense.
type parser struct {
	tokens []string
	bad    bool
}

func (p *parser) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *parser) next() string {
	t := p.peek()
	if t == "" {
		p.bad = true
		return ""
	}
	p.tokens = p.tokens[1:]
	return t
}

// accept takes the next token if it is one of these.
func (p *parser) accept(tokens ...string) bool {
	if len(p.tokens) > 0 && slices.Contains(tokens, strings.ToLower(p.tokens[0])) {
		p.tokens = p.tokens[1:]
		return true
	}
	return false
}

func (p *parser) either() expression {
	e := p.both()
	for p.accept("or", "||") {
		left, right := e, p.both()
		e = func(a *agent) bool { return left(a) || right(a) }
	}
	return e
}

func (p *parser) both() expression {
	e := p.single()
	for p.accept("and", "&&") {
		left, right := e, p.single()
		e = func(a *agent) bool { return left(a) && right(a) }
	}
	return e
}

func (p *parser) single() expression {
	switch {
	case p.bad:
	case p.accept("not", "!"):
		inner := p.single()
		return func(a *agent) bool { return !inner(a) }
	case p.accept("("):
		inner := p.either()
		p.bad = p.bad || !p.accept(")")
		return inner
	}
	return p.comparison()
}

func (p *parser) comparison() expression {
	subject := p.subject()
	negated := p.accept("!")
	operator := strings.ToLower(p.next())
	if operator == "not_in" || operator == "!in" {
		negated, operator = true, "in"
	}
	var holds func(values []string) bool
	switch operator {
	case "exists":
		holds = func(values []string) bool { return len(values) > 0 }
	case "in":
		list := p.list()
		holds = func(values []string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
		}
	case "=~", "!~":
		pattern, err := regexp.Compile("^(?:" + p.literal() + ")$")
		if err != nil {
			p.bad = true
			break
		}
		negated = negated != (operator == "!~")
		holds = func(values []string) bool { return slices.ContainsFunc(values, pattern.MatchString) }
	case "==", "equals", "!=", "not_equals":
		want := p.literal()
		negated = negated != strings.HasPrefix(strings.ReplaceAll(operator, "not_", "!"), "!")
		holds = func(values []string) bool { return slices.Contains(values, want) }
	case "<", "<=", ">", ">=":
		holds = p.order(operator)
	default:
		p.bad = true
	}
	return func(a *agent) bool { return holds != nil && holds(subject(a)) != negated }
}

func (p *parser) order(operator string) func([]string) bool {
	limit, err := strconv.ParseFloat(p.literal(), 64)
	if err != nil {
		p.bad = true
	}
	return func(values []string) bool {
		return slices.ContainsFunc(values, func(v string) bool {
			x, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return false
			}
			switch operator {
			case "<":
				return x < limit
			case "<=":
				return x <= limit
			case ">":
				return x > limit
			}
			return x >= limit
		})
	}
}

// subject gives the values of what is compared: none for an attribute that is not
// there.
func (p *parser) subject() func(a *agent) []string {
	name := p.next()
	if attribute, ok := strings.CutPrefix(name, "attribute:"); ok {
		return func(a *agent) []string {
			if v, ok := a.attributes[attribute]; ok {
				return []string{v}
			}
			return nil
		}
	}
	switch name {
	case "ec2InstanceId":
		return func(a *agent) []string { return []string{a.instance.id} }
	case "agentConnected":
		return func(a *agent) []string { return []string{strconv.FormatBool(a.connected)} }
	case "agentVersion":
		return func(*agent) []string { return []string{agentVersion} }
	case "runningTasksCount":
		return func(a *agent) []string { return []string{strconv.Itoa(len(a.tasks))} }
	case "task:group":
		return func(a *agent) []string {
			var groups []string
			for _, t := range a.tasks {
				groups = append(groups, t.group)
			}
			return groups
		}
	}
	p.bad = true
	return func(*agent) []string { return nil }
}

func (p *parser) literal() string {
	t := p.next()
	if len(t) >= 2 && (t[0] == '"' || t[0] == '\'') {
		return t[1 : len(t)-1]
	}
	return t
}

func (p *parser) list() []string {
	var list []string
	if !p.accept("[") {
		p.bad = true
		return nil
	}
	for !p.bad {
		list = append(list, p.literal())
		if p.accept("]") {
			return list
		}
		p.bad = p.bad || !p.accept(",")
	}
	return nil
}
